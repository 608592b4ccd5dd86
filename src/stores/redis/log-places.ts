import { randomInt } from 'node:crypto';
import type { RedisConnection } from './connection.ts';
import { ManyNames } from './many-names.ts';
import { LOGS, logsName, OLD_LOGS } from './usage-layout.ts';
import { LIST_LOGS } from './usage-scripts.ts';

/** Lists in one script. */
const MAX_LISTS = 50;
/** Lists that are asked at once for logs that are due, and logs that each answers at most: 96 in one call. */
const LISTS_AT_ONCE = 16;
const MAX_OF_LIST = 6;
/** Keys that are moved at once out of the list of an older version. */
const MAX_MOVED = 200;

/** A key in one of the lists. */
export interface Place {
  readonly list: string;
  readonly keyId: string;
}

/** When a log has to be looked at, in milliseconds since the epoch. */
interface Due {
  readonly keyId: string;
  readonly due: number;
}

/**
 * Which keys have a log, by when its oldest entry expires, in 256 lists by a hash of the key: none of them, and no node
 * of a cluster, has a place for each key with a log or a write for each log that is written.
 */
export class LogPlaces {
  readonly #connection: RedisConnection;
  readonly #lists: ManyNames;
  /** Where the next look begins: each gateway somewhere else, so that they do not all look at the same. */
  #next = randomInt(LOGS.length);

  constructor(connection: RedisConnection) {
    this.#connection = connection;
    this.#lists = new ManyNames(connection, LIST_LOGS, MAX_LISTS);
  }

  /** Lists logs. One that is listed already keeps the earlier of both times. */
  async add(logs: readonly Due[]): Promise<void> {
    const byList = Map.groupBy(logs, ({ keyId }) => logsName(keyId));
    const items = [...byList].map(([list, all]) => {
      return { names: [list], args: [all.length, ...all.flatMap(({ keyId, due }) => [due, keyId])] };
    });
    await this.#lists.run([], items);
  }

  /** Logs that are due, 96 at most; none when no list has any. */
  async due(now: number): Promise<Place[]> {
    for (let looked = 0; looked < LOGS.length; looked += LISTS_AT_ONCE) {
      const lists = Array.from({ length: LISTS_AT_ONCE }, (_, i) => LOGS[(this.#next + i) % LOGS.length] ?? '');
      this.#next = (this.#next + LISTS_AT_ONCE) % LOGS.length;
      const found = await this.#connection.ask((client) =>
        Promise.all(lists.map((list) => client.zrangebyscore(list, '-inf', now, 'LIMIT', 0, MAX_OF_LIST))),
      );
      const due = lists.flatMap((list, i) => (found[i] ?? []).map((keyId) => ({ list, keyId })));
      if (due.length > 0) return due;
    }
    return [];
  }

  /** @param due null: it has no entries any more */
  async set({ list, keyId }: Place, due: number | null): Promise<void> {
    await this.#connection.ask<unknown>((client) =>
      due === null ? client.zrem(list, keyId) : client.zadd(list, 'XX', due, keyId),
    );
  }

  /**
   * Moves keys out of the one list that older versions have, as long as there are any: a gateway of such a version may
   * still add some. They are in their new list before they leave the old one, so none is lost on the way, and it does not
   * matter how many gateways do so at the same time.
   *
   * @returns how many; 0: the old list is empty
   */
  async moveOld(): Promise<number> {
    const found = await this.#connection.ask((client) =>
      client.zrangebyscore(OLD_LOGS, '-inf', '+inf', 'WITHSCORES', 'LIMIT', 0, MAX_MOVED),
    );
    const logs: Due[] = [];
    for (let i = 0; i + 1 < found.length; i += 2) logs.push({ keyId: found[i] ?? '', due: Number(found[i + 1]) });
    if (logs.length === 0) return 0;
    await this.add(logs);
    await this.#connection.ask((client) => client.zrem(OLD_LOGS, ...logs.map(({ keyId }) => keyId)));
    return logs.length;
  }
}
