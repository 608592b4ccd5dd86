import { giveBack, type Lease, type LimitState, type Limits, type Owed, take } from '../../src/core/limits.ts';
import { type Counted, type LimitLedger, StoreError } from '../../src/core/ports.ts';
import type { ManualClock } from '../support/clock.ts';

/** A ledger that answers at once, says what it was asked, and fails when the test says so. */
export class SyncLedger implements LimitLedger {
  readonly #clock: ManualClock;
  readonly #states = new Map<string, LimitState>();
  readonly asked: { keyId: string; want: number; owed: number }[] = [];
  down = false;
  /** The one key for which it fails. */
  failsFor = '';

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  lease(keyId: string, limits: Limits, want: number, ahead = 0, owed: Owed | null = null): Lease {
    this.asked.push({ keyId, want, owed: owed === null ? 0 : owed.ofHour + owed.ofDay });
    if (this.down || keyId === this.failsFor) throw new StoreError('STORE_UNAVAILABLE', 'the ledger is down');
    const { lease, state } = take(this.#states.get(keyId) ?? null, limits, want, this.#clock.now(), ahead, owed);
    this.#states.set(keyId, state);
    return lease;
  }

  peek(keyId: string): Counted {
    return { state: this.#states.get(keyId) ?? null, now: this.#clock.now(), isExact: true };
  }

  release(keyId: string, limits: Limits, unused: number, lease: Lease): void {
    const state = giveBack(this.#states.get(keyId) ?? null, limits, unused, lease.now, this.#clock.now());
    if (state !== null) this.#states.set(keyId, state);
  }
}

/** A ledger whose answers the test gives, one by one, when it likes. */
export class HeldLedger implements LimitLedger {
  readonly #ledger: SyncLedger;
  readonly #waiting: (() => void)[] = [];

  constructor(ledger: SyncLedger) {
    this.#ledger = ledger;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  lease(keyId: string, limits: Limits, want: number, ahead = 0, owed: Owed | null = null): Promise<Lease> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    return promise.then(() => this.#ledger.lease(keyId, limits, want, ahead, owed));
  }

  peek(keyId: string): Counted {
    return this.#ledger.peek(keyId);
  }

  release(keyId: string, limits: Limits, unused: number, lease: Lease): void {
    this.#ledger.release(keyId, limits, unused, lease);
  }

  /** Answers the question that waits longest. */
  answer(): void {
    this.#waiting.shift()?.();
  }

  /** Answers the question that was put last. */
  answerLast(): void {
    this.#waiting.pop()?.();
  }
}

/** A ledger that takes until the next turn of the microtasks to answer, and says what it was asked and given back. */
export class FarLedger implements LimitLedger {
  readonly #ledger: SyncLedger;
  readonly questions: { readonly want: number; readonly ahead: number; readonly granted: number }[] = [];
  readonly released: number[] = [];

  constructor(ledger: SyncLedger) {
    this.#ledger = ledger;
  }

  async lease(keyId: string, limits: Limits, want: number, ahead = 0, owed: Owed | null = null): Promise<Lease> {
    const lease = this.#ledger.lease(keyId, limits, want, ahead, owed);
    this.questions.push({ want, ahead, granted: lease.granted });
    return lease;
  }

  peek(keyId: string): Counted {
    return this.#ledger.peek(keyId);
  }

  async release(keyId: string, limits: Limits, unused: number, lease: Lease): Promise<void> {
    if (this.#ledger.down) throw new StoreError('STORE_UNAVAILABLE', 'the ledger is down');
    this.released.push(unused);
    this.#ledger.release(keyId, limits, unused, lease);
  }
}
