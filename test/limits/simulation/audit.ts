import {
  AHEAD_SHARE,
  DAY_MS,
  HOUR_MS,
  type Lease,
  type LimitState,
  type Limits,
  type Owed,
} from '../../../src/core/limits.ts';
import { Broken, Gauge, PlainBucket } from './gauge.ts';

/** How long what was taken ahead may be spent: what docs/limits.md promises. */
export const LEASE_MS = 1000;

/** What one answer of the ledger granted ahead. */
export interface Loan {
  readonly size: number;
  readonly askedAt: number;
  readonly hour: Window;
  readonly day: Window;
  /** What was really free in the hour before it, and in the day: the limit less what was admitted. */
  readonly freeOfHour: number;
  readonly freeOfDay: number;
  left: number;
}

/** What the ledger was asked, and what it answered. */
export interface Asked {
  readonly want: number;
  readonly owed: Owed | null;
  readonly askedAt: number;
  readonly lease: Lease;
  readonly now: number;
}

/** What became of the admissions of one hour or day. */
class Window {
  admitted = 0;
  /** Taken ahead, and neither spent nor back. */
  out = 0;
  /** Taken ahead, and never to be spent or given back. */
  lost = 0;
  /** Admitted without the ledger, and counted by it: also once more, when it was told and its answer was lost. */
  owed = 0;
  /** Granted by a store that forgot it when it failed over. */
  forgotten = 0;
  /** Whether the store forgot anything of it: then it need not add up. */
  isTorn = false;

  get counted(): number {
    return this.admitted + this.out + this.lost + this.owed;
  }
}

/** Adds up what happens to one key, and says at each step what must hold. Times are virtual milliseconds. */
export class KeyAudit {
  readonly #limits: Limits;
  readonly #beginsAt: number;
  readonly #hours = new Map<number, Window>();
  readonly #days = new Map<number, Window>();
  readonly #gauge: Gauge;
  readonly #plain: PlainBucket;
  /** With what docs/limits.md says can be admitted beyond the bucket; null where gateways die or messages are lost. */
  readonly #promised: Gauge | null;
  readonly #open = new Set<Loan>();
  #out = 0;
  /** Whether nothing was lost or forgotten yet. */
  #isWhole = true;
  mostOpen = 0;
  admitted = 0;
  refused = 0;
  lost = 0;
  allForgotten = 0;

  /** @param processes how many gateways there are, where all is well; null where it is not */
  constructor(limits: Limits, beginsAt: number, processes: number | null) {
    this.#limits = limits;
    this.#beginsAt = beginsAt;
    this.#gauge = new Gauge(limits);
    this.#plain = new PlainBucket(limits);
    this.#promised = processes === null ? null : new Gauge(limits, beyond(limits, processes));
  }

  /** Those who asked and were granted it are admitted now; what was taken ahead is noted. */
  answered({ want, owed, askedAt, lease, now }: Asked): Loan | null {
    const hour = windowOf(this.#hours, lease.now, HOUR_MS);
    const day = windowOf(this.#days, lease.now, DAY_MS);
    if (owed !== null) this.#charged(owed, lease.now, hour, day);
    const freeOfHour = this.#limits.perHour - hour.admitted;
    const freeOfDay = this.#limits.perDay - day.admitted;
    const wanted = Math.min(want, lease.granted);
    const size = lease.granted - wanted;
    this.refused += want - wanted;
    this.#admit(wanted, hour, day, now);
    let loan: Loan | null = null;
    if (size > 0) {
      const free = size + Math.min(lease.hourRemaining, lease.dayRemaining, lease.burstRemaining);
      if (size * AHEAD_SHARE > free) throw new Broken(`${size} were taken ahead where ${free} were free`);
      loan = { size, askedAt, hour, day, freeOfHour, freeOfDay, left: size };
      this.#open.add(loan);
      this.mostOpen = Math.max(this.mostOpen, this.#open.size);
      this.#moveOut(loan, size, now);
      this.#mustBeFew();
    }
    if (lease.refusedBy === 'burst' && this.#isWhole) this.#plain.mustBeEmpty(this.#out, now);
    const isOver = hour.counted > this.#limits.perHour || day.counted > this.#limits.perDay;
    if (lease.granted > 0 && isOver && !hour.isTorn && !day.isTorn) throw new Broken('granted where nothing was free');
    mustAddUp(this.#limits.perHour - lease.hourRemaining, hour, this.#limits.perHour);
    mustAddUp(this.#limits.perDay - lease.dayRemaining, day, this.#limits.perDay);
    return loan;
  }

  #charged(owed: Owed, at: number, hour: Window, day: Window): void {
    // What is in the bucket is less than a plain one would have.
    this.#isWhole = false;
    if (owed.hour >= Math.floor(at / HOUR_MS)) hour.owed += owed.ofHour;
    if (Math.floor((owed.hour * HOUR_MS) / DAY_MS) >= Math.floor(at / DAY_MS)) day.owed += owed.ofHour + owed.ofDay;
  }

  /** One of what was taken ahead is admitted at this moment. */
  spent(loan: Loan | null, now: number): void {
    if (loan === null || loan.left === 0) throw new Broken('an admission that nobody granted');
    if (now >= loan.askedAt + LEASE_MS) throw new Broken(`spent ${now - loan.askedAt} ms after it was asked for`);
    const time = this.#beginsAt + now;
    const [hour, day] = [windowOf(this.#hours, time, HOUR_MS), windowOf(this.#days, time, DAY_MS)];
    this.#admit(1, hour, day, now);
    loan.left--;
    this.#moveOut(loan, -1, now);
    if (loan.hour !== hour || loan.day !== day) throw new Broken('spent in another hour than it was taken in');
    if (loan.left === 0) this.#open.delete(loan);
  }

  /** Parts what is given back from what was spent already by requests that are only being told. @returns the former */
  parted(loan: Loan, unused: number): Loan {
    const back = { ...loan, size: unused, left: unused };
    loan.left -= unused;
    this.#open.add(back);
    if (loan.left === 0) this.#open.delete(loan);
    return back;
  }

  /** What was left has arrived at the ledger. */
  returned(loan: Loan, now: number): void {
    this.#moveOut(loan, -loan.left, now);
    loan.left = 0;
    this.#open.delete(loan);
  }

  /** What was left can be spent by nobody and goes back to nobody. */
  vanished(loan: Loan, now: number): void {
    this.#isWhole = false;
    this.lost += loan.left;
    loan.hour.lost += loan.left;
    loan.day.lost += loan.left;
    this.returned(loan, now);
  }

  /** The store failed over to one that does not know of a write; of so many that it granted, when it was a grant. */
  forgotten(granted: number, at: number, now: number): void {
    this.#isWhole = false;
    this.allForgotten += granted;
    for (const window of [windowOf(this.#hours, at, HOUR_MS), windowOf(this.#days, at, DAY_MS)]) {
      window.forgotten += granted;
      window.isTorn = true;
    }
    this.#gauge.turnTo(now, this.#out);
    this.#gauge.pour(granted);
  }

  /** Everything is over: nothing that was taken may be missing. */
  mustBeDone(state: LimitState | null): void {
    if (this.#open.size > 0) throw new Broken('something was taken ahead, and neither spent nor given back');
    if (state === null) return;
    mustAddUp(state.hourUsed, windowOf(this.#hours, state.hour * HOUR_MS, HOUR_MS), Number.POSITIVE_INFINITY);
    mustAddUp(state.dayUsed, windowOf(this.#days, state.day * DAY_MS, DAY_MS), Number.POSITIVE_INFINITY);
  }

  #admit(count: number, hour: Window, day: Window, now: number): void {
    this.admitted += count;
    hour.admitted += count;
    day.admitted += count;
    const { perHour, perDay } = this.#limits;
    if (hour.admitted > perHour + hour.forgotten) throw new Broken(`${hour.admitted} in an hour of ${perHour}`);
    if (day.admitted > perDay + day.forgotten) throw new Broken(`${day.admitted} in a day of ${perDay}`);
    this.#gauge.turnTo(now, this.#out);
    this.#gauge.take(count, now);
    this.#plain.take(count, now);
    this.#promised?.take(count, now);
  }

  /**
   * What is out is less than what was really free when the first of it was taken: each time an eighth at most of what the
   * others had left.
   */
  #mustBeFew(): void {
    let [sum, count, freeOfHour, freeOfDay] = [0, 0, 0, 0];
    let window: Window | null = null;
    for (const loan of this.#open) {
      window ??= loan.hour;
      if (loan.hour !== window || window.isTorn || loan.day.isTorn) return;
      sum += loan.size;
      count++;
      // Less and less is free, so most was before the first.
      freeOfHour = Math.max(freeOfHour, loan.freeOfHour);
      freeOfDay = Math.max(freeOfDay, loan.freeOfDay);
    }
    const free = Math.min(freeOfHour, freeOfDay);
    const most = free * (1 - (1 - 1 / AHEAD_SHARE) ** count);
    if (sum > most + 1e-6) throw new Broken(`${count} have taken ${sum} ahead, where ${free} were free`);
  }

  #moveOut(loan: Loan, count: number, now: number): void {
    loan.hour.out += count;
    loan.day.out += count;
    this.#gauge.turnTo(now, this.#out);
    this.#out += count;
    this.#gauge.turnTo(now, this.#out);
  }
}

/**
 * What can be admitted at once beyond the bucket: an eighth of it for each process, and no more than what flows in within
 * three seconds.
 */
function beyond({ burst, perHour }: Limits, processes: number): number {
  return Math.min(processes * Math.floor((burst - 1) / AHEAD_SHARE), (3 * perHour) / 3_600);
}

/** Counted is what was admitted, what is out, what was lost, and what is owed, which can be more than the limit: no more, no less. */
function mustAddUp(used: number, window: Window, limit: number): void {
  if (window.isTorn || used === Math.min(limit, window.counted)) return;
  const { admitted, out, lost } = window;
  throw new Broken(`the store counts ${used}; ${admitted} were admitted, ${out} are out, ${lost} lost`);
}

function windowOf(windows: Map<number, Window>, time: number, length: number): Window {
  const index = Math.floor(time / length);
  let window = windows.get(index);
  if (window === undefined) {
    window = new Window();
    windows.set(index, window);
  }
  return window;
}
