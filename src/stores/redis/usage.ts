import {
  dayOf,
  type KeyUse,
  type UsageBatch,
  type UsageDay,
  type UsageScope,
  type UsageStore,
} from '../../core/usage.ts';
import type { RedisConnection } from './connection.ts';
import type { Client } from './link.ts';
import { groupsOf, type Item, inGroups, ManyNames } from './many-names.ts';
import { dayOfFields, fieldsOf } from './usage-fields.ts';
import { countsName, daysName, lastUseName, partOf, partsOf, sentName } from './usage-layout.ts';
import { ADD_COUNTS, MERGE_USE } from './usage-scripts.ts';

/** Scopes and days in one script. */
const MAX_ITEMS = 50;
const DAY_SECONDS = 86_400;
/** How long the last batches of processes are remembered; one is sent again within seconds, or when Redis is back. */
const SENT_SECONDS = 2 * DAY_SECONDS;

/**
 * Usage in Redis. Each scope and day of a batch is added, or found to be there already, by itself. What all gateways
 * count together is in several parts, of which each process writes one, and which are added up when they are read.
 */
export class RedisUsageStore implements UsageStore {
  readonly #connection: RedisConnection;
  readonly #counts: ManyNames;

  constructor(connection: RedisConnection) {
    this.#connection = connection;
    this.#counts = new ManyNames(connection, ADD_COUNTS, MAX_ITEMS);
  }

  async record(batch: UsageBatch): Promise<void> {
    const { items, rest } = itemsOf(batch);
    await this.#counts.run([batch.writer, batch.number, SENT_SECONDS, batch.keepFrom], items);
    await inGroups(rest, ({ keyId, lastUsedAt, previousLastUsedAt }) => {
      const seconds = secondsOf(dayOf(Math.max(lastUsedAt ?? 0, previousLastUsedAt ?? 0)), batch);
      const args = [lastUsedAt ?? '', previousLastUsedAt ?? '', seconds];
      return this.#connection.run(MERGE_USE, [lastUseName(`key:${keyId}`)], args);
    });
  }

  async read(keyIds: readonly string[]): Promise<KeyUse[]> {
    const times = await this.#askEach(keyIds, (client, keyId) =>
      client.hmget(lastUseName(`key:${keyId}`), 'last', 'previous'),
    );
    return keyIds.map((keyId, i) => {
      return { keyId, lastUsedAt: timeOf(times[i]?.[0]), previousLastUsedAt: timeOf(times[i]?.[1]) };
    });
  }

  async requests(keyIds: readonly string[], from: number, to: number): Promise<ReadonlyMap<number, number>[]> {
    const found = await this.#askEach(keyIds, (client, keyId) => client.hgetall(daysName(`key:${keyId}`)));
    return found.map((days) => requestsBetween(days, from, to));
  }

  async days(scope: UsageScope, from: number, to: number): Promise<UsageDay[]> {
    const parts = partsOf(scope);
    const requests = await this.#askEach(parts, (client, part) => client.hgetall(daysName(part)));
    const places = parts.flatMap((part, i) =>
      [...requestsBetween(requests[i] ?? {}, from, to).keys()].map((day) => ({ part, day })),
    );
    const hashes = await this.#askEach(places, (client, { part, day }) => client.hgetall(countsName(part, day)));
    const byDay = Map.groupBy(
      places.map(({ day }, i) => ({ day, fields: hashes[i] ?? {} })),
      ({ day }) => day,
    );
    const found = [...byDay]
      .sort(([a], [b]) => a - b)
      .map(([day, all]) =>
        dayOfFields(
          day,
          all.map(({ fields }) => fields),
        ),
      );
    // One that was forgotten in between has nothing left.
    return found.filter(({ hours }) => Object.keys(hours).length > 0);
  }

  /** Redis forgets by itself what it was told to keep for so long. */
  async prune(): Promise<number> {
    return 0;
  }

  /** Asks for something about each of many, some at a time. */
  async #askEach<T, R>(all: readonly T[], each: (client: Client, one: T) => Promise<R>): Promise<R[]> {
    const answers: R[] = [];
    for (const group of groupsOf(all)) {
      answers.push(...(await this.#connection.ask((client) => Promise.all(group.map((one) => each(client, one))))));
    }
    return answers;
  }
}

/** @returns besides what ADD_COUNTS takes for each scope and day the last uses of keys of which nothing is counted */
function itemsOf(batch: UsageBatch): { items: Item[]; rest: readonly KeyUse[] } {
  const uses = new Map(batch.uses.map((use) => [`key:${use.keyId}`, use]));
  const items = batch.deltas.map((delta) => {
    const { scope, day } = delta;
    const use = uses.get(scope);
    uses.delete(scope);
    const part = partOf(scope, batch.writer);
    const { requests, fields } = fieldsOf(delta);
    const times = [use?.lastUsedAt ?? '', use?.previousLastUsedAt ?? ''];
    return {
      names: [countsName(part, day), sentName(part, day), daysName(part), lastUseName(part)],
      args: [day, requests, secondsOf(day, batch), ...times, fields.length / 2, ...fields],
    };
  });
  return { items, rest: [...uses.values()] };
}

/** How long what is of a day is kept: it is to go when `keepFrom`, which moves on by one each day, has passed that. */
function secondsOf(day: number, { keepFrom }: UsageBatch): number {
  return Math.max(1, day - keepFrom + 1) * DAY_SECONDS;
}

function requestsBetween(days: Readonly<Record<string, string>>, from: number, to: number): Map<number, number> {
  const all = Object.entries(days).map(([day, requests]) => [Number(day), Number(requests)] as const);
  return new Map(all.filter(([day]) => day >= from && day <= to));
}

function timeOf(text: string | null | undefined): number | null {
  return text === null || text === undefined ? null : Number(text);
}
