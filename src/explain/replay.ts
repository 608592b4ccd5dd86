import type { KeyRecord } from '../core/key.ts';
import type { MaybePromise } from '../core/maybe.ts';
import { grants } from '../core/permission.ts';
import type { World } from './explanation.ts';
import { type CountedKey, ReplayDecider, type ReplayDecision } from './replay-decider.ts';
import { type ReplayedKey, ReplayKeys } from './replay-keys.ts';
import { PermissionUses } from './replay-permissions.ts';
import type { ReplayReport } from './replay-report.ts';
import {
  LINE_REASONS,
  type RecordedRequest,
  recordedDenial,
  type SkipReason,
  wasLetThrough,
} from './replay-request.ts';
import { Tally } from './replay-tally.ts';

/** How far behind others of its key a request may stand: several gateways write one log, each in its own order. */
const DISORDER_MS = 60_000;

export interface ReplayOptions {
  /** The world as it is. */
  readonly today: World;
  /** The world that is compared with it; null: what was recorded is compared with today. */
  readonly proposed: World | null;
  /** The record of one key as it would be in the proposed world; null: every key stays as it is. */
  readonly changed: KeyRecord | null;
  /** Only requests of this key; null: of all. */
  readonly keyId: string | null;
  /** From this time on, and up to and including that one; milliseconds since the epoch. */
  readonly from: number;
  readonly to: number;
  readonly simulatesLimits: boolean;
  /** @throws StoreError */
  readonly findKey: (id: string) => Promise<KeyRecord | null>;
  /** Keys that are kept in memory; 50,000 when absent. */
  readonly maxKeys?: number;
}

/**
 * Decides recorded requests again and counts what comes out differently: in today's world and in a proposed one, or as
 * they were recorded and today. Takes them one after the other, in the order of the log; memory is bounded, however many
 * there are.
 */
export class Replay {
  readonly #options: ReplayOptions;
  /** null: what was recorded. */
  readonly #before: ReplayDecider | null;
  readonly #after: ReplayDecider;
  readonly #keys: ReplayKeys;
  readonly #uses = new PermissionUses();
  readonly #newlyDenied = new Tally();
  readonly #newlyAllowed = new Tally();
  readonly #deniedDifferently = new Tally();
  readonly #counts = { replayed: 0, withoutKey: 0, sameAllowed: 0, sameDenied: 0, maybeWithKey: 0, disordered: 0 };
  readonly #skipped = new Map<SkipReason, number>();
  #first = Number.POSITIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  constructor(options: ReplayOptions) {
    const { today, proposed } = options;
    this.#options = options;
    this.#before = proposed === null ? null : new ReplayDecider(today);
    this.#after = new ReplayDecider(proposed ?? today);
    this.#keys = new ReplayKeys({ ...options, before: this.#before, after: this.#after });
  }

  /** Counts something that was read and is not replayed. */
  skip(reason: SkipReason): void {
    this.#skipped.set(reason, (this.#skipped.get(reason) ?? 0) + 1);
  }

  /**
   * Replays one request; the next one may follow when this is done.
   * @throws StoreError when its key cannot be read
   */
  add(request: RecordedRequest): MaybePromise<void> {
    const { keyId } = request;
    const unwanted = this.#unwanted(request);
    if (unwanted !== null) return this.skip(unwanted);
    if (keyId === null) return this.#replay(request, null);
    const found = this.#keys.find(keyId);
    if (!(found instanceof Promise)) return this.#replayFound(request, found);
    return found.then((key) => this.#replayFound(request, key));
  }

  get report(): ReplayReport {
    const { newlyDenied, newlyAllowed, deniedDifferently } = this.#tallies();
    const { replayed } = this.#counts;
    const skipped = Object.fromEntries(this.#skipped);
    const skippedRequests = [...this.#skipped].filter(([reason]) => !LINE_REASONS.has(reason));
    return {
      read: skippedRequests.reduce((sum, [, count]) => sum + count, replayed),
      ...this.#counts,
      keys: this.#keys.seen,
      skipped,
      period: replayed === 0 ? null : { first: this.#first, last: this.#last },
      newlyDenied,
      newlyAllowed,
      deniedDifferently,
      forgotten: this.#options.simulatesLimits ? this.#keys.forgotten : 0,
      permissionsIn: this.#before === null ? 'today' : 'proposed',
      permissions: this.#uses.result(this.#after.settings),
      permissionsLeftOut: this.#uses.leftOut,
    };
  }

  #tallies(): Pick<ReplayReport, 'newlyDenied' | 'newlyAllowed' | 'deniedDifferently'> {
    return {
      newlyDenied: this.#newlyDenied.result,
      newlyAllowed: this.#newlyAllowed.result,
      deniedDifferently: this.#deniedDifferently.result,
    };
  }

  #unwanted({ keyId, endedAt, code }: RecordedRequest): SkipReason | null {
    const { keyId: only, from, to } = this.#options;
    if (only !== null && keyId !== only) return 'other_key';
    if (endedAt < from || endedAt > to) return 'outside_period';
    return this.#before === null && recordedDenial(code) === undefined ? 'not_decided' : null;
  }

  #replayFound(request: RecordedRequest, found: ReplayedKey | SkipReason): void {
    if (typeof found === 'string') this.skip(found);
    else this.#replay(request, found);
  }

  #replay(request: RecordedRequest, key: ReplayedKey | null): void {
    const countsLimits = key !== null && this.#options.simulatesLimits && this.#isInOrder(request, key);
    const after = this.#after.decide(request, key?.after ?? null, countsLimits);
    const before = this.#before?.decide(request, key?.before ?? null, countsLimits) ?? {
      route: after.route,
      code: recordedDenial(request.code) ?? null,
      doubt: null,
    };
    if (key !== null) this.#noteUse(request, key.after, after);
    const doubt = before.doubt ?? after.doubt;
    if (doubt !== null) return this.skip(doubt);
    this.#compare(request, key, before, after);
    if (key === null) this.#counts.withoutKey++;
    this.#counts.replayed++;
    this.#first = Math.min(this.#first, request.at);
    this.#last = Math.max(this.#last, request.at);
  }

  #compare(request: RecordedRequest, key: ReplayedKey | null, before: ReplayDecision, after: ReplayDecision): void {
    if (before.code === after.code) {
      if (after.code === null) this.#counts.sameAllowed++;
      else this.#counts.sameDenied++;
      return;
    }
    const route = (after.route ?? before.route)?.pattern ?? null;
    const tally =
      before.code === null ? this.#newlyDenied : after.code === null ? this.#newlyAllowed : this.#deniedDifferently;
    tally.add({ request, keyName: key?.record.name ?? null, route, before: before.code, after: after.code });
    if (key === null && before.code === null && after.code === 'key_missing') this.#counts.maybeWithKey++;
  }

  /** Whether it can be counted against limits: these only make sense for requests in the order in which they came. */
  #isInOrder({ endedAt }: RecordedRequest, key: ReplayedKey): boolean {
    if (endedAt < key.endedAt - DISORDER_MS) {
      this.#counts.disordered++;
      return false;
    }
    key.endedAt = Math.max(key.endedAt, endedAt);
    return true;
  }

  /** What a limit would refuse counts too, and what was let through then: the key needs the permission for it. */
  #noteUse(request: RecordedRequest, { key }: CountedKey, { route, code, doubt }: ReplayDecision): void {
    if (route === null || route.access === 'public') return;
    const wouldPass = doubt === null && (code === null || code === 'rate_limited');
    if (!wouldPass && !wasLetThrough(request.code)) return;
    const opens = route.access === 'any_key' || route.permissions.some((each) => grants(key.permissions, each));
    if (opens) this.#uses.add(key, route, request.at);
  }
}
