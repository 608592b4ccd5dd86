import type { Along, Claim } from '../../src/core/along.ts';
import type { KeyRecord } from '../../src/core/key.ts';
import type { MaybePromise } from '../../src/core/maybe.ts';
import { type KeyChanges, type KeyPage, type KeyQuery, type KeyStore, StoreError } from '../../src/core/ports.ts';

/** A real store behind a link that the test can cut and slow down. Counts what reaches it. */
export class FaultyKeyStore implements KeyStore {
  readonly #store: KeyStore;
  readonly #held: { readonly kind: 'find' | 'changes'; readonly answer: () => void }[] = [];
  /** Look-ups by digest. */
  finds = 0;
  /** Every question fails: the store is down. */
  down = false;
  /** Answers are worked out at once and given when the test says so. */
  holding = false;

  constructor(store: KeyStore) {
    this.#store = store;
  }

  findByDigest(digest: string): MaybePromise<KeyRecord | null> {
    this.finds++;
    return this.#through('find', () => this.#store.findByDigest(digest));
  }

  changesSince(cursor: string | null): MaybePromise<KeyChanges> {
    return this.#through('changes', () => this.#store.changesSince(cursor));
  }

  async get(id: string): Promise<KeyRecord | null> {
    this.#mustBeUp();
    return this.#store.get(id);
  }

  async list(query: KeyQuery): Promise<KeyPage> {
    this.#mustBeUp();
    return this.#store.list(query);
  }

  async create(record: KeyRecord, along?: Along): Promise<void> {
    this.#mustBeUp();
    await this.#store.create(record, along);
  }

  async replace(record: KeyRecord, along?: Along): Promise<void> {
    this.#mustBeUp();
    await this.#store.replace(record, along);
  }

  async delete(id: string, version: number, along?: Along): Promise<void> {
    this.#mustBeUp();
    await this.#store.delete(id, version, along);
  }

  async findClaim(id: string, now: number): Promise<Claim | null> {
    this.#mustBeUp();
    return this.#store.findClaim(id, now);
  }

  async pruneClaims(now: number): Promise<number> {
    this.#mustBeUp();
    return this.#store.pruneClaims(now);
  }

  watch(hint: () => void): () => void {
    return this.#store.watch(hint);
  }

  /** Gives the answers of one kind that are held back. */
  letThrough(kind: 'find' | 'changes'): void {
    const now = this.#held.filter((each) => each.kind === kind);
    for (const each of now) {
      this.#held.splice(this.#held.indexOf(each), 1);
      each.answer();
    }
  }

  #through<T>(kind: 'find' | 'changes', ask: () => MaybePromise<T>): MaybePromise<T> {
    this.#mustBeUp();
    if (!this.holding) return ask();
    const { promise, resolve } = Promise.withResolvers<T>();
    const answer = ask();
    this.#held.push({ kind, answer: () => resolve(answer) });
    return promise;
  }

  #mustBeUp(): void {
    if (this.down) throw new StoreError('STORE_UNAVAILABLE', 'the store is down');
  }
}
