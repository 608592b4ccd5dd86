import {
  dayOf,
  type KeyUse,
  type UsageBatch,
  type UsageDay,
  type UsageScope,
  type UsageStore,
  type UsageTotals,
} from '../../core/usage.ts';
import type { RedisConnection } from './connection.ts';
import { isCrossSlot } from './errors.ts';
import type { Client } from './link.ts';
import { countsName, daysName, lastUseName, sentName } from './usage-layout.ts';
import { ADD_COUNTS, MERGE_USE } from './usage-scripts.ts';

/** Scopes and days in one script, which everybody else on the server waits for. */
const MAX_ITEMS = 50;
/** Scripts or commands that are sent at once, so that a large batch does not fill the connection. */
const MAX_GROUP = 500;
const DAY_SECONDS = 86_400;
/** How long the last batch of a process is remembered; it sends one again within seconds, or never. */
const SENT_SECONDS = 2 * DAY_SECONDS;

/**
 * Usage in Redis. Each scope and day of a batch is added, or found to be there already, by itself, and many of them go
 * into one script: with a script for each, 17,000 requests a second of 10,000 keys took a gateway 12 µs of CPU for each
 * request, and so 7. A server whose keys are spread over the slots of a cluster refuses such a script before it runs it;
 * from then on each has its own.
 */
export class RedisUsageStore implements UsageStore {
  readonly #connection: RedisConnection;
  #maxItems = MAX_ITEMS;

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  async record(batch: UsageBatch): Promise<void> {
    const { items, rest } = itemsOf(batch);
    const head = [batch.writer, batch.number, SENT_SECONDS, batch.keepFrom];
    try {
      await this.#addAll(head, items);
    } catch (error) {
      if (!isCrossSlot(error)) throw error;
      this.#maxItems = 1;
      await this.#addAll(head, items);
    }
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
    const requests = await this.#connection.ask((client) => client.hgetall(daysName(scope)));
    const days = [...requestsBetween(requests, from, to).keys()].sort((a, b) => a - b);
    const fields = await this.#askEach(days, (client, day) => client.hgetall(countsName(scope, day)));
    const found = days.map((day, i) => dayWith(day, fields[i] ?? {}));
    // One that was forgotten in between has nothing left.
    return found.filter(({ hours }) => Object.keys(hours).length > 0);
  }

  /** Redis forgets by itself what it was told to keep for so long. */
  async prune(): Promise<number> {
    return 0;
  }

  async #addAll(head: readonly Arg[], items: readonly Item[]): Promise<void> {
    const scripts: (readonly Item[])[] = [];
    for (let start = 0; start < items.length; start += this.#maxItems) {
      scripts.push(items.slice(start, start + this.#maxItems));
    }
    await inGroups(scripts, (part) => {
      const names = part.flatMap((item) => item.names);
      return this.#connection.run(ADD_COUNTS, names, [...head, ...part.flatMap((item) => item.args)]);
    });
  }

  /** Asks for something about each of many, some at a time. */
  async #askEach<T, R>(all: readonly T[], each: (client: Client, one: T) => Promise<R>): Promise<R[]> {
    const answers: R[] = [];
    for (let start = 0; start < all.length; start += MAX_GROUP) {
      const group = all.slice(start, start + MAX_GROUP);
      answers.push(...(await this.#connection.ask((client) => Promise.all(group.map((one) => each(client, one))))));
    }
    return answers;
  }
}

type Arg = string | number;

/** What ADD_COUNTS takes for one scope and day. */
interface Item {
  readonly names: readonly string[];
  readonly args: readonly Arg[];
}

/** @returns besides the items the last uses of keys of which nothing is counted */
function itemsOf(batch: UsageBatch): { items: Item[]; rest: readonly KeyUse[] } {
  const uses = new Map(batch.uses.map((use) => [`key:${use.keyId}`, use]));
  const items = batch.deltas.map((delta) => {
    const { scope, day } = delta;
    const use = uses.get(scope);
    uses.delete(scope);
    const { requests, fields } = fieldsOf(delta);
    const times = [use?.lastUsedAt ?? '', use?.previousLastUsedAt ?? ''];
    return {
      names: [countsName(scope, day), sentName(scope, day), daysName(scope), lastUseName(scope)],
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

/**
 * Does something for each of many, some at a time. When one fails, those that were begun are waited for: what is sent
 * again must not meet itself.
 */
async function inGroups<T>(all: readonly T[], each: (one: T) => Promise<unknown>): Promise<void> {
  for (let start = 0; start < all.length; start += MAX_GROUP) {
    const settled = await Promise.allSettled(all.slice(start, start + MAX_GROUP).map(each));
    for (const result of settled) if (result.status === 'rejected') throw result.reason;
  }
}

/**
 * Fields of a day's hash: `h<hour>r`, `…e` and `…t` for requests, errors and microseconds of an hour, `p<endpoint>`,
 * `m<method>` and `d<denial>` for requests.
 */
function fieldsOf(day: UsageDay): { requests: number; fields: Arg[] } {
  const fields: Arg[] = [];
  let all = 0;
  for (const [hour, { requests, errors, timeUs }] of Object.entries(day.hours)) {
    all += requests;
    fields.push(`h${hour}r`, requests, `h${hour}t`, timeUs);
    if (errors > 0) fields.push(`h${hour}e`, errors);
  }
  for (const [endpoint, requests] of Object.entries(day.endpoints)) fields.push(`p${endpoint}`, requests);
  for (const [method, requests] of Object.entries(day.methods)) fields.push(`m${method}`, requests);
  for (const [denial, requests] of Object.entries(day.denials)) fields.push(`d${denial}`, requests);
  return { requests: all, fields };
}

const HOUR_FIELD = /^h(\d+)([ret])$/;
const TOTALS = { r: 'requests', e: 'errors', t: 'timeUs' } as const;

function dayWith(day: number, fields: Readonly<Record<string, string>>): UsageDay {
  const hours: Record<number, { -readonly [name in keyof UsageTotals]: number }> = {};
  const endpoints: Record<string, number> = {};
  const methods: Record<string, number> = {};
  const denials: Record<string, number> = {};
  const named: Readonly<Record<string, Record<string, number>>> = { p: endpoints, m: methods, d: denials };
  for (const [field, value] of Object.entries(fields)) {
    const hour = HOUR_FIELD.exec(field);
    if (hour === null) {
      const counts = named[field.slice(0, 1)];
      if (counts !== undefined) counts[field.slice(1)] = Number(value);
      continue;
    }
    const totals = (hours[Number(hour[1])] ??= { requests: 0, errors: 0, timeUs: 0 });
    totals[TOTALS[hour[2] as keyof typeof TOTALS]] = Number(value);
  }
  return { day, hours, endpoints, methods, denials };
}

function timeOf(text: string | null | undefined): number | null {
  return text === null || text === undefined ? null : Number(text);
}
