import { giveBack, type Lease, type LimitState, type Limits, type Owed, take } from '../../../src/core/limits.ts';

interface Write {
  readonly keyId: string;
  readonly before: LimitState | null;
  readonly at: number;
  readonly time: number;
  readonly granted: number;
}

/** The longest that a replica lags behind, in virtual milliseconds. */
const MAX_LAG_MS = 2_000;

/** The shared ledger: the real arithmetic over states in memory, with a clock of its own and a replica that lags. */
export class SimulatedLedger {
  readonly #beginsAt: number;
  readonly #states = new Map<string, LimitState>();
  #writes: Write[] = [];

  constructor(beginsAt: number) {
    this.#beginsAt = beginsAt;
  }

  time(now: number): number {
    return Math.floor(this.#beginsAt + now);
  }

  stateOf(keyId: string): LimitState | null {
    return this.#states.get(keyId) ?? null;
  }

  lease(keyId: string, limits: Limits, want: number, ahead: number, owed: Owed | null, now: number): Lease {
    const before = this.stateOf(keyId);
    const { lease, state } = take(before, limits, want, this.time(now), ahead, owed);
    const granted = lease.granted + (owed === null ? 0 : owed.ofHour + owed.ofDay);
    if (granted > 0) this.#write({ keyId, before, at: now, time: lease.now, granted }, state);
    return lease;
  }

  release(keyId: string, limits: Limits, unused: number, leasedAt: number, now: number): void {
    const before = this.stateOf(keyId);
    const time = this.time(now);
    const state = giveBack(before, limits, unused, leasedAt, time);
    if (state !== null) this.#write({ keyId, before, at: now, time, granted: 0 }, state);
  }

  /** Its replica takes its place, and never heard of what was written since. @returns that */
  failOver(since: number): Write[] {
    const gone = this.#writes.filter(({ at }) => at > since).toReversed();
    this.#writes = [];
    for (const { keyId, before } of gone) {
      if (before === null) this.#states.delete(keyId);
      else this.#states.set(keyId, before);
    }
    return gone;
  }

  #write(write: Write, state: LimitState): void {
    this.#states.set(write.keyId, state);
    this.#writes.push(write);
    if (this.#writes.length >= 20_000) {
      this.#writes = this.#writes.filter(({ at }) => at > write.at - MAX_LAG_MS);
    }
  }
}
