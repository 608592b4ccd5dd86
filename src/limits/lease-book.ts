import type { LoadedKey } from '../core/decision.ts';
import { type Lease, type Limits, type Owed, stateAfter, take } from '../core/limits.ts';
import type { MaybePromise } from '../core/maybe.ts';
import { type LimitLedger, StoreError } from '../core/ports.ts';
import { type Debts, NO_DEBTS } from './debts.ts';
import { aheadFor } from './pace.ts';
import { enter, newPage, type Page, sameLimits, spendOne, waitOn } from './page.ts';

/** Keys of which something is open at a time, unless told otherwise. */
const MAX_OPEN = 50_000;

export interface LeaseBookOptions {
  readonly ledger: LimitLedger;
  readonly debts?: Debts;
  /** Milliseconds that never go back, whatever they begin at. */
  readonly elapsed: () => number;
  /** Keys of which something is open at a time; of more, each request asks for itself. */
  readonly maxOpen?: number;
}

export interface LeaseBookStats {
  /** Questions to the ledger. */
  readonly asked: number;
  /** Admissions that needed none. */
  readonly spentAhead: number;
  /** Keys of which something is open. */
  readonly open: number;
}

interface Question {
  readonly answer: MaybePromise<Lease>;
  readonly askedAt: number;
  /** Those who waited when it was put: the first of those who wait when it is answered. */
  readonly want: number;
  /** What the ledger is told with it. */
  readonly owed: Owed | null;
}

/**
 * Stands in front of the ledger and takes admissions ahead for keys that are used a lot, so that most of their requests
 * need no round trip: as many as were admitted in half a second, and of what then remains an eighth at most (the ledger sees
 * to that, core/limits.ts `take`). What was taken is counted already, so that no process can admit more than the limit,
 * however many there are and whenever they die. What is not spent within a second, or before the UTC hour ends, goes back.
 *
 * While a key's next admissions are asked for, its other requests wait, and one further question serves all of them. A
 * ledger that answers at once, in memory, is asked each time: there is nothing to save.
 *
 * What the ledger must be told of a key goes with the next question, and is counted before those who wait.
 */
export class LeaseBook {
  readonly #ledger: LimitLedger;
  readonly #debts: Debts;
  readonly #elapsed: () => number;
  readonly #maxOpen: number;
  readonly #pages = new Map<string, Page>();
  /** Whether the ledger took its time with the last answer. */
  #isFar = false;
  #asked = 0;
  #spentAhead = 0;

  constructor({ ledger, debts = NO_DEBTS, elapsed, maxOpen = MAX_OPEN }: LeaseBookOptions) {
    this.#ledger = ledger;
    this.#debts = debts;
    this.#elapsed = elapsed;
    this.#maxOpen = maxOpen;
  }

  get stats(): LeaseBookStats {
    return { asked: this.#asked, spentAhead: this.#spentAhead, open: this.#pages.size };
  }

  /** Spends one admission that was taken ahead, and asks nobody; null when there is none. */
  spend(key: LoadedKey): Lease | null {
    const page = this.#pages.size === 0 ? undefined : this.#pages.get(key.id);
    if (page === undefined || page.left === 0) return null;
    const now = this.#elapsed();
    // What was taken under other limits does not count for these.
    if (now >= page.endsAt || !sameLimits(page.key.limits, key.limits)) return null;
    this.#spentAhead++;
    return spendOne(page, now);
  }

  /** Takes one admission from the ledger. @throws StoreError when it cannot be asked; or rejects with one */
  take(key: LoadedKey): MaybePromise<Lease> {
    const page = this.#pages.size === 0 ? undefined : this.#pages.get(key.id);
    if (page === undefined) return this.#open(key);
    if (!sameLimits(page.key.limits, key.limits)) return this.#openAnew(page, key);
    page.key = key;
    const admission = waitOn(page);
    if (!page.isAsking) page.served = this.#serve(page);
    return admission;
  }

  /** Tells the ledger what it is owed of this key. @throws StoreError when it could not be told */
  async tell(key: LoadedKey): Promise<void> {
    const page = this.#pages.get(key.id) ?? this.#newPage(key);
    if (!page.isAsking) page.served = this.#serve(page);
    const failure = await page.served;
    if (failure !== null) throw asError(failure);
  }

  /** Whether an answer about this key is waited for. */
  isAsking(keyId: string): boolean {
    return this.#pages.get(keyId)?.isAsking === true;
  }

  /** Gives back what may not be spent any more. To be called a few times a second. */
  sweep(): void {
    const now = this.#elapsed();
    for (const page of this.#pages.values()) {
      if (!page.isAsking && (page.left === 0 || now >= page.endsAt)) this.#close(page);
    }
  }

  /** Gives everything back. Resolves when the ledger has it, or could not be told. Call it when no request can follow. */
  async giveBackAll(): Promise<void> {
    const pages = [...this.#pages.values()];
    this.#pages.clear();
    await Promise.all(
      pages.map(async (page) => {
        await page.served;
        await this.#release(page);
      }),
    );
  }

  /** A key of which nothing is open. */
  #open(key: LoadedKey): MaybePromise<Lease> {
    const hasRoom = this.#pages.size < this.#maxOpen;
    const first = this.#ask(key, 1, hasRoom);
    const { answer, owed } = first;
    if (owed === null && (!hasRoom || (!(answer instanceof Promise) && answer.granted <= 1))) return answer;
    const page = this.#newPage(key);
    const admission = waitOn(page);
    page.served = this.#serve(page, first);
    return admission;
  }

  #newPage(key: LoadedKey): Page {
    const page = newPage(key);
    this.#pages.set(key.id, page);
    return page;
  }

  /** Under other limits than those of what is open. */
  #openAnew(page: Page, key: LoadedKey): MaybePromise<Lease> {
    if (!page.isAsking) {
      this.#close(page);
      return this.#open(key);
    }
    // One question tells what is owed; another beside it would be granted before that.
    if (this.#debts.owes(key.id)) return page.served.then(() => this.take(key));
    return this.#ask(key, 1, false).answer;
  }

  #close(page: Page): void {
    this.#pages.delete(page.key.id);
    void this.#release(page);
  }

  /**
   * Asks until nobody waits and nothing is owed. Never rejects.
   *
   * @param first a question that was put already
   * @returns what the last question failed with
   */
  async #serve(page: Page, first?: Question): Promise<unknown> {
    page.isAsking = true;
    const { id } = page.key;
    let failure: unknown = null;
    let question = first;
    while (question !== undefined || page.waiting.length > 0 || (failure === null && this.#debts.owed(id) !== null)) {
      try {
        question ??= this.#askAgain(page);
        this.#answered(page, question, await question.answer);
        failure = null;
      } catch (error) {
        failure = error;
        for (const { reject } of page.waiting.splice(0)) reject(error);
      }
      question = undefined;
    }
    page.isAsking = false;
    return failure;
  }

  #askAgain(page: Page): Question {
    // What is left must be back before more is taken: a key near its limit needs each one.
    void this.#release(page);
    return this.#ask(page.key, page.waiting.length, true);
  }

  /** @param mayTakeAhead whether there is a page for what is granted beyond `want` */
  #ask(key: LoadedKey, want: number, mayTakeAhead: boolean): Question {
    this.#asked++;
    const askedAt = this.#elapsed();
    const { id } = key;
    const owed = this.#debts.owes(id) ? this.#debts.owed(id) : null;
    const ahead = mayTakeAhead && this.#isFar && owed === null ? aheadFor(key.recent.pace, askedAt) : 0;
    const answer = this.#ledger.lease(id, key.limits, want, ahead, owed, key.recent);
    this.#isFar = answer instanceof Promise;
    return { answer, askedAt, want, owed };
  }

  /**
   * Gives those who asked what was granted, and the refusal to those for whom there was none. Those who came after the
   * question get what was taken ahead, while that may be spent, but no refusal: it may be of an hour that has ended since.
   */
  #answered(page: Page, { askedAt, want, owed }: Question, lease: Lease): void {
    if (owed !== null) this.#debts.told(page.key.id, owed, lease);
    const theirs = page.waiting.splice(0, want);
    const refused = theirs.splice(lease.granted);
    if (lease.granted > 0) {
      const now = this.#elapsed();
      enter(page, lease, askedAt, now);
      for (const { resolve } of theirs) resolve(spendOne(page, now));
      const later = now < page.endsAt ? page.waiting.splice(0, page.left) : [];
      this.#spentAhead += later.length;
      for (const { resolve } of later) resolve(spendOne(page, now));
    }
    if (refused.length === 0) return;
    const refusal = lease.granted === 0 ? lease : refusalAfter(lease, page.key.limits);
    for (const { resolve } of refused) resolve(refusal);
  }

  async #release(page: Page): Promise<void> {
    const { key, lease, left } = page;
    page.left = 0;
    if (lease === null || left === 0) return;
    try {
      await this.#ledger.release(key.id, key.limits, left, lease);
    } catch (error) {
      // Counted and not spent: that much less is admitted, never more.
      if (!(error instanceof StoreError)) throw error;
    }
  }
}

/** What the ledger would have said to one more, when it granted less than was asked for. */
function refusalAfter(lease: Lease, limits: Limits): Lease {
  return take(stateAfter(lease, limits), limits, 1, lease.now).lease;
}

function asError(failure: unknown): Error {
  return failure instanceof Error ? failure : new Error('unknown failure', { cause: failure });
}
