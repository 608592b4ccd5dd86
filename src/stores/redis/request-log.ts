import {
  type LogBatch,
  type LoggedRequest,
  type LogPage,
  type LogQuery,
  MAX_FOUND,
  type RequestLog,
} from '../../core/request-log.ts';
import {
  beginOf,
  collectLogPage,
  encodeEntry,
  isPosition,
  type LogRange,
  Positions,
  type StoredEntry,
} from '../log-pages.ts';
import type { RedisConnection } from './connection.ts';
import { LogPlaces, type Place } from './log-places.ts';
import { RequestIndex } from './request-index.ts';
import { logName } from './usage-layout.ts';
import { APPEND_LOG, PRUNE_LOG } from './usage-scripts.ts';

/** Logs that are written at once, so that a large batch does not fill the connection. */
const MAX_GROUP = 200;
/** Entries in one script, which everybody else on the server waits for. */
const MAX_ENTRIES = 100;
/** Entries that one call of `prune` removes from each log that it looks at. */
const MAX_PRUNED_ENTRIES = 100;
/** Places that a search looks at: some may be those of requests that are not there any more. */
const MAX_TRIED = 20;

/** Follows every position within it. */
const AFTER_POSITION = '\x7f';

/**
 * Requests of keys in Redis. A sorted set rather than a stream: a stream takes entries in the order of their times only,
 * and those of several gateways, and of requests that took long, come in any.
 *
 * An entry is `<position> <when it expires> <what it says>`.
 */
export class RedisRequestLog implements RequestLog {
  readonly #connection: RedisConnection;
  readonly #positions = new Positions();
  readonly #places: LogPlaces;
  readonly #index: RequestIndex;

  constructor(connection: RedisConnection) {
    this.#connection = connection;
    this.#places = new LogPlaces(connection);
    this.#index = new RequestIndex(connection);
  }

  async append(batches: readonly LogBatch[]): Promise<void> {
    const parts = batches.flatMap(partsOf);
    for (let start = 0; start < parts.length; start += MAX_GROUP) {
      const group = parts.slice(start, start + MAX_GROUP);
      const settled = await Promise.allSettled(group.map((part) => this.#appendPart(part)));
      for (const result of settled) if (result.status === 'rejected') throw result.reason;
      await this.#places.add(
        group.map(({ keyId, entries, retentionMs }) => ({ keyId, due: (entries[0]?.at ?? 0) + retentionMs })),
      );
      await this.#index.add(group);
    }
  }

  read(query: LogQuery): Promise<LogPage> {
    return collectLogPage(query, (range, count) => this.#entries(query.keyId, range, count));
  }

  /** Those that were logged before there was an index are not found. */
  async find(requestId: string, keyIds: readonly string[] | null): Promise<LoggedRequest[]> {
    const wanted = keyIds === null ? null : new Set(keyIds);
    const noted = (await this.#index.find(requestId)).filter(({ keyId }) => wanted?.has(keyId) ?? true);
    const found = new Map<string, LoggedRequest>();
    let tried = 0;
    for (const { keyId, at } of noted) {
      if (found.has(keyId)) continue;
      if (found.size === MAX_FOUND || tried++ === MAX_TRIED) break;
      const where = (entry: LoggedRequest): boolean => entry.requestId === requestId;
      const { entries } = await this.read({ keyId, limit: 1, order: 'newest', from: at, to: at, where });
      for (const { position: _, ...entry } of entries) found.set(keyId, entry);
    }
    return [...found.values()];
  }

  async prune(now: number): Promise<number> {
    const moved = await this.#places.moveOld();
    const due = await this.#places.due(now);
    const removed = await Promise.all(due.map((place) => this.#pruneLog(place, now)));
    return removed.reduce((sum, n) => sum + n, moved);
  }

  async #appendPart({ keyId, entries, retentionMs, maxEntries }: LogBatch): Promise<void> {
    const members = entries.map((entry) => {
      const position = this.#positions.next(entry.at);
      return `${position} ${entry.at + retentionMs} ${encodeEntry(entry)}`;
    });
    await this.#connection.run(APPEND_LOG, [logName(keyId)], [retentionMs, maxEntries, ...members]);
  }

  /**
   * @returns how many entries went; one also when none did: the log is gone, or was found to be due later, and there may
   *   be others behind it
   */
  async #pruneLog(place: Place, now: number): Promise<number> {
    const answer = await this.#connection.run(PRUNE_LOG, [logName(place.keyId)], [now, MAX_PRUNED_ENTRIES]);
    const [removed, due] = answer as [number, number];
    // What is added between the two is found when it is written the next time; until then, and at last, Redis itself
    // forgets a log that nobody wrote to for as long as its retention.
    await this.#places.set(place, due < 0 ? null : due);
    return Math.max(removed, 1);
  }

  async #entries(keyId: string, { above, below, order }: LogRange, count: number): Promise<StoredEntry[]> {
    const low = `(${isPosition(above) ? above + AFTER_POSITION : above || beginOf(0)}`;
    const high = `(${below}`;
    const found = await this.#connection.ask((client) =>
      order === 'oldest'
        ? client.zrangebylex(logName(keyId), low, high, 'LIMIT', 0, count)
        : client.zrevrangebylex(logName(keyId), high, low, 'LIMIT', 0, count),
    );
    return found.map((member) => {
      const first = member.indexOf(' ');
      return { position: member.slice(0, first), text: member.slice(member.indexOf(' ', first + 1) + 1) };
    });
  }
}

/** The same entries in parts that one script takes each. */
function partsOf(batch: LogBatch): LogBatch[] {
  const parts: LogBatch[] = [];
  for (let start = 0; start < batch.entries.length; start += MAX_ENTRIES) {
    parts.push({ ...batch, entries: batch.entries.slice(start, start + MAX_ENTRIES) });
  }
  return parts;
}
