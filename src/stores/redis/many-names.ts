import type { RedisConnection } from './connection.ts';
import { isCrossSlot } from './errors.ts';
import type { Script } from './scripts.ts';

/** Commands that are sent at once, so that a large batch does not fill the connection. */
const MAX_GROUP = 500;
/**
 * Items that are sent at once, in however many scripts: at 17 µs each about 4 ms, which requests wait for that ask the same
 * server. All 16,000 that 8,000 requests a second of as many keys make had it busy for longer than `store.timeout`.
 */
const MAX_ITEMS_AT_ONCE = 250;

export type Arg = string | number;

/** What a script takes for one of the things that it does; all its names share a slot. */
export interface Item {
  readonly names: readonly string[];
  readonly args: readonly Arg[];
}

/**
 * A script that does the same for many names. Many items go into one script: with a script for each, 17,000 requests a
 * second of 10,000 keys took a gateway 12 µs of CPU for each request to count them, and so 7. A server whose names are
 * spread over the slots of a cluster refuses such a script before it runs it; from then on each item has its own.
 */
export class ManyNames {
  readonly #connection: RedisConnection;
  readonly #script: Script;
  #maxItems: number;

  /** @param maxItems in one script, which everybody else on the server waits for */
  constructor(connection: RedisConnection, script: Script, maxItems: number) {
    this.#connection = connection;
    this.#script = script;
    this.#maxItems = maxItems;
  }

  /**
   * Runs the script on all items. When it rejects, or a cluster refused some, other items may have been done, and are
   * done again by the next attempt.
   *
   * @param head arguments that come before those of the items, in each script
   */
  async run(head: readonly Arg[], items: readonly Item[]): Promise<void> {
    try {
      await this.#runAll(head, items);
    } catch (error) {
      if (!isCrossSlot(error)) throw error;
      this.#maxItems = 1;
      await this.#runAll(head, items);
    }
  }

  async #runAll(head: readonly Arg[], items: readonly Item[]): Promise<void> {
    const scripts: (readonly Item[])[] = [];
    for (let start = 0; start < items.length; start += this.#maxItems) {
      scripts.push(items.slice(start, start + this.#maxItems));
    }
    await inGroups(
      scripts,
      (part) => {
        const names = part.flatMap((item) => item.names);
        return this.#connection.run(this.#script, names, [...head, ...part.flatMap((item) => item.args)]);
      },
      Math.max(1, Math.floor(MAX_ITEMS_AT_ONCE / this.#maxItems)),
    );
  }
}

/**
 * Does something for each of many, some at a time. When one fails, those that were begun are waited for: what is sent
 * again must not meet itself.
 */
export async function inGroups<T>(
  all: readonly T[],
  each: (one: T) => Promise<unknown>,
  size = MAX_GROUP,
): Promise<void> {
  for (const group of groupsOf(all, size)) {
    for (const result of await Promise.allSettled(group.map(each))) {
      if (result.status === 'rejected') throw result.reason;
    }
  }
}

/** The same, in groups that can be sent at once. */
export function* groupsOf<T>(all: readonly T[], size = MAX_GROUP): Generator<readonly T[]> {
  for (let start = 0; start < all.length; start += size) yield all.slice(start, start + size);
}
