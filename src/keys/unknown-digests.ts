import { LRUCache } from 'lru-cache';

/** Digests that open no key, each for a while, so that a wrong secret sent again and again does not reach the store. */
export class UnknownDigests {
  readonly #until: LRUCache<string, number>;

  /** @param max the digest that was asked for longest ago is forgotten first */
  constructor(max: number) {
    this.#until = new LRUCache({ max });
  }

  /** @param until in milliseconds of the clock that `hasAll` is given the time of */
  add(digest: string, until: number): void {
    this.#until.set(digest, until);
  }

  /** Whether every one of the digests is known to open no key. */
  hasAll(digests: readonly string[], now: number): boolean {
    for (let i = 0; i < digests.length; i++) {
      const until = this.#until.get(digests[i] as string);
      if (until === undefined || now >= until) return false;
    }
    return true;
  }

  clear(): void {
    this.#until.clear();
  }
}
