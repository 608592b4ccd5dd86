import type { Lease, Limits, Owed } from '../../../src/core/limits.ts';
import { type Counted, type LimitLedger, StoreError } from '../../../src/core/ports.ts';
import type { KeyAudit, Loan } from './audit.ts';
import type { EventQueue } from './event-queue.ts';
import { Broken } from './gauge.ts';
import type { SimulatedLedger } from './ledger.ts';
import type { Chance, Scenario } from './scenario.ts';

/** The longest that a process waits for an answer. */
export const TIMEOUT_MS = 100;

/** What all processes share. */
export interface Surroundings {
  readonly scenario: Scenario;
  readonly chance: Chance;
  readonly queue: EventQueue;
  readonly ledger: SimulatedLedger;
  /** Of each key, by its id. */
  readonly audits: ReadonlyMap<string, KeyAudit>;
  /** How the store is: well, refusing each question, or saying nothing. */
  storeIs: 'well' | 'refusing' | 'silent';
  /** Something that must hold did not. To be told where an error thrown would be taken for the limiter's own. */
  failed(error: unknown): void;
  /** Says what happens, for who looks at a failure. */
  note(text: () => string): void;
}

/** What a process was last told. */
export interface Told {
  /** Whether it was told nothing, in time. */
  readonly isFailure: boolean;
  /** So many of those who asked are granted what they asked for, and so many refused; others get what was taken ahead. */
  granted: number;
  refused: number;
}

interface Call<T> {
  readonly resolve: (value: T) => void;
  isOver: boolean;
}

interface Outcomes {
  /** Nobody answered in time. */
  readonly fails?: () => void;
  /** It never got to the ledger. */
  readonly isLost?: () => void;
}

const nothing = (): void => undefined;

/** The ledger as one process sees it: over a network that delays, loses and reorders messages. */
export class Link implements LimitLedger {
  readonly #world: Surroundings;
  readonly #name: string;
  #isCut = false;
  #isPartitioned = false;
  #lastThereAt = 0;
  #lastBackAt = 0;
  /** What this process holds of each key. */
  readonly held = new Map<string, Loan>();
  /** What was spent of it, when the rest was given back before those who spent it were told. */
  readonly #beingTold = new Map<string, Loan>();
  /** Whether any question was ever left unanswered, and how often one was answered again after that. */
  hasFailed = false;
  recoveries = 0;
  told: Told = { isFailure: false, granted: 0, refused: 0 };

  constructor(world: Surroundings, name: string) {
    this.#world = world;
    this.#name = name;
  }

  lease(keyId: string, limits: Limits, want: number, ahead = 0, owed: Owed | null = null): Promise<Lease> {
    const { queue, ledger, note } = this.#world;
    const askedAt = queue.now;
    note(() => `${this.#name} asks for ${want}, and ${ahead} ahead, of ${keyId}`);
    const runs = (call: Call<Lease>): void => {
      const lease = ledger.lease(keyId, limits, want, ahead, owed, queue.now);
      note(() => `ledger grants ${lease.granted} of ${keyId} to ${this.#name}: ${lease.hourRemaining} an hour remain`);
      const loan = this.#audit(keyId).answered({ want, owed, askedAt, lease, now: queue.now });
      const lose = (): void => this.#vanish(keyId, loan);
      this.#travelBack(() => {
        if (call.isOver || this.#isCut) return lose();
        call.isOver = true;
        if (loan !== null) this.#hold(keyId, loan);
        const granted = Math.min(want, lease.granted);
        if (this.told.isFailure) this.recoveries++;
        this.told = { isFailure: false, granted, refused: want - granted };
        call.resolve(lease);
      }, lose);
    };
    return this.#call<Lease>(runs, {
      fails: () => {
        note(() => `${this.#name} hears nothing of ${keyId}`);
        this.told = { isFailure: true, granted: 0, refused: 0 };
        this.hasFailed = true;
      },
    });
  }

  peek(): Counted {
    throw new Broken('nobody asked for that');
  }

  release(keyId: string, limits: Limits, unused: number, lease: Lease): Promise<void> {
    const { queue, ledger, note } = this.#world;
    const held = this.held.get(keyId);
    if (held === undefined || held.left < unused) {
      this.#world.failed(new Broken(`${unused} are given back where ${held?.left ?? 0} are left`));
      return Promise.resolve();
    }
    const loan = this.#audit(keyId).parted(held, unused);
    if (held.left > 0) this.#beingTold.set(keyId, held);
    note(() => `${this.#name} gives back ${unused} of ${keyId}`);
    this.held.delete(keyId);
    const runs = (call: Call<void>): void => {
      ledger.release(keyId, limits, unused, lease.now, queue.now);
      this.#audit(keyId).returned(loan, queue.now);
      this.#travelBack(() => {
        call.isOver = true;
        call.resolve();
      });
    };
    return this.#call(runs, { isLost: () => this.#vanish(keyId, loan) });
  }

  /** Spends one of what is held of a key. */
  spend(keyId: string): void {
    const from = this.#beingTold.has(keyId) ? this.#beingTold : this.held;
    const loan = from.get(keyId) ?? null;
    this.#audit(keyId).spent(loan, this.#world.queue.now);
    if (loan?.left === 0) from.delete(keyId);
  }

  /** The process dies: what it holds is gone, and what is on its way to the ledger gets there. */
  cut(): void {
    this.#isCut = true;
    for (const [keyId, loan] of this.held) this.#vanish(keyId, loan);
    this.held.clear();
  }

  /** Nothing gets through from here on, or everything again. */
  partition(isPartitioned: boolean): void {
    this.#isPartitioned = isPartitioned;
  }

  #hold(keyId: string, loan: Loan): void {
    if (this.held.has(keyId)) throw new Broken('more was taken ahead while something was left');
    this.held.set(keyId, loan);
  }

  #audit(keyId: string): KeyAudit {
    return this.#world.audits.get(keyId) as KeyAudit;
  }

  #vanish(keyId: string, loan: Loan | null): void {
    if (loan !== null) this.#audit(keyId).vanished(loan, this.#world.queue.now);
  }

  #call<T>(runs: (call: Call<T>) => void, { fails = nothing, isLost = nothing }: Outcomes): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const { queue, scenario } = this.#world;
    const call: Call<T> = { resolve, isOver: false };
    const fail = (): void => {
      if (call.isOver || this.#isCut) return;
      call.isOver = true;
      fails();
      reject(new StoreError('STORE_UNAVAILABLE', 'the ledger did not answer'));
    };
    // Where all is well no answer takes as long, and one that did not come would be missed in the end.
    if (scenario.kind !== 'well') queue.plan(TIMEOUT_MS, fail);
    this.#travelThere(() => {
      if (this.#world.storeIs === 'well') return runs(call);
      isLost();
      if (this.#world.storeIs === 'refusing') this.#travelBack(fail);
    }, isLost);
    return promise;
  }

  #travelThere(arrives: () => void, isLost: () => void): void {
    const { queue, scenario } = this.#world;
    if (this.#isLost()) return isLost();
    const at = queue.now + this.#delay();
    this.#lastThereAt = scenario.overtakes ? at : Math.max(at, this.#lastThereAt);
    queue.plan(this.#lastThereAt - queue.now, arrives);
  }

  #travelBack(arrives: () => void, isLost: () => void = nothing): void {
    const { queue, scenario } = this.#world;
    if (this.#isLost()) return isLost();
    const at = queue.now + this.#delay();
    this.#lastBackAt = scenario.overtakes ? at : Math.max(at, this.#lastBackAt);
    queue.plan(this.#lastBackAt - queue.now, arrives);
  }

  #isLost(): boolean {
    const { chance, scenario } = this.#world;
    return this.#isPartitioned || (scenario.loss > 0 && chance.happens(scenario.loss));
  }

  #delay(): number {
    const { chance, scenario } = this.#world;
    const { delayMs, jitterMs, late, lateMs } = scenario;
    if (late > 0 && chance.happens(late)) return chance.within(0, lateMs);
    return jitterMs === 0 ? delayMs : chance.within(delayMs, delayMs + jitterMs);
  }
}
