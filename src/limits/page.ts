import type { LoadedKey } from '../core/decision.ts';
import { HOUR_MS, type Lease, type Limits } from '../core/limits.ts';
import { countAdmission } from './pace.ts';

/** How long what was taken ahead may be spent, from when it was asked for. */
export const LEASE_MS = 1000;
/**
 * So long before the UTC hour ends, what was taken in it is no longer spent: the ledger tells its time in whole
 * milliseconds, and no two clocks run equally fast.
 */
const BEFORE_HOUR_ENDS_MS = 5;

interface Waiter {
  readonly resolve: (lease: Lease) => void;
  readonly reject: (error: unknown) => void;
}

/** What is open of one key: admissions that were taken ahead, or a question. */
export interface Page {
  /** As it was last used: all that is open here is of these limits. */
  key: LoadedKey;
  /** The last answer that granted something; null before it. */
  lease: Lease | null;
  /** Admissions of it that were not spent yet. */
  left: number;
  /** When the answer came, and from when on what is left may not be spent; by a clock that never goes back. */
  answeredAt: number;
  endsAt: number;
  isAsking: boolean;
  /** Resolves when nothing is asked any more, with what the last question failed with; null when it was answered. */
  served: Promise<unknown>;
  /** Requests that wait for an answer, in the order in which they came: no more than the gateway lets in at a time. */
  waiting: Waiter[];
}

export function newPage(key: LoadedKey): Page {
  return { key, lease: null, left: 0, answeredAt: 0, endsAt: 0, isAsking: false, served: DONE, waiting: [] };
}

const DONE = Promise.resolve(null);

/** @returns the admission, or the refusal, once there is one for this request */
export function waitOn(page: Page): Promise<Lease> {
  const { promise, resolve, reject } = Promise.withResolvers<Lease>();
  page.waiting.push({ resolve, reject });
  return promise;
}

/** Notes what was granted, to be spent from now on. */
export function enter(page: Page, lease: Lease, askedAt: number, now: number): void {
  page.lease = lease;
  page.left = lease.granted;
  page.answeredAt = now;
  page.endsAt = askedAt + Math.min(LEASE_MS, HOUR_MS - (lease.now % HOUR_MS) - BEFORE_HOUR_ENDS_MS);
}

/** Spends one admission. @returns how the limits stand for one who is told so now */
export function spendOne(page: Page, now: number): Lease {
  page.left--;
  countAdmission(page.key.recent.pace, now);
  return shown(page, now);
}

/** What was taken ahead and not spent is still free: nobody but the ledger need know that it was taken. */
function shown({ key, lease, left, answeredAt }: Page, now: number): Lease {
  if (lease === null) throw new Error('nothing was granted');
  const { burst, perHour } = key.limits;
  const passed = Math.max(0, Math.floor(now - answeredAt));
  const burstFullInMs = Math.max(0, lease.burstFullInMs - passed - Math.floor((left * HOUR_MS) / perHour));
  const refilled = burst - Math.ceil((burstFullInMs * perHour) / HOUR_MS);
  return {
    granted: 1,
    refusedBy: null,
    retryAfterMs: 0,
    hourRemaining: lease.hourRemaining + left,
    dayRemaining: lease.dayRemaining + left,
    burstRemaining: Math.min(burst, Math.max(lease.burstRemaining + left, refilled)),
    burstFullInMs,
    now: lease.now + passed,
  };
}

export function sameLimits(a: Limits, b: Limits): boolean {
  return a.perHour === b.perHour && a.perDay === b.perDay && a.burst === b.burst;
}
