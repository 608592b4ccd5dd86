import { hash } from 'node:crypto';
import type { LogBatch, LoggedRequest } from '../../core/request-log.ts';
import type { RedisConnection } from './connection.ts';
import { type Item, ManyNames } from './many-names.ts';
import { requestsName } from './usage-layout.ts';
import { NOTE_REQUESTS } from './usage-scripts.ts';

/** Notes in one list, of which there are 4,096. */
const MAX_NOTES = 256;
/** Lists in one script. */
const MAX_LISTS = 50;
/** Digits of a hashed id: those that name its list, and those that a note has of it. */
const BUCKET_DIGITS = 3;
const TAG_DIGITS = 10;

/** Where a request is logged, unless its log was trimmed since. */
interface Noted {
  readonly keyId: string;
  /** Its time, in milliseconds since the epoch. */
  readonly at: number;
}

/**
 * Where requests are logged, by their ids: of the newest million of all keys, as far as the ids spread. Each list has the
 * ids of one hash, so that a search reads one short list, and writing spreads over all slots of a cluster. A request is one
 * note, `<hash of its id> <time> <key>`, of some 50 bytes.
 */
export class RequestIndex {
  readonly #connection: RedisConnection;
  readonly #notes: ManyNames;

  constructor(connection: RedisConnection) {
    this.#connection = connection;
    this.#notes = new ManyNames(connection, NOTE_REQUESTS, MAX_LISTS);
  }

  async add(batches: readonly LogBatch[]): Promise<void> {
    const seconds = Math.ceil(Math.max(0, ...batches.map(({ retentionMs }) => retentionMs)) / 1000);
    await this.#notes.run([MAX_NOTES, seconds], notesOf(batches));
  }

  /** Where requests that may have this id are logged, the latest first. */
  async find(requestId: string): Promise<Noted[]> {
    const { bucket, tag } = hashOf(requestId);
    const notes = await this.#connection.ask((client) => client.lrange(requestsName(bucket), 0, MAX_NOTES - 1));
    const found = notes.filter((note) => note.startsWith(`${tag} `)).map(read);
    return found.sort((a, b) => b.at - a.at);
  }
}

/** Of a key's requests with one id only the latest: a client that always sends the same must not fill its list with it. */
function notesOf(batches: readonly LogBatch[]): Item[] {
  const latest = new Map<string, LoggedRequest>();
  for (const { entries } of batches) {
    for (const entry of entries) {
      const place = `${entry.keyId} ${entry.requestId}`;
      const known = latest.get(place);
      if (known === undefined || known.at <= entry.at) latest.set(place, entry);
    }
  }
  const lists = new Map<string, string[]>();
  for (const { requestId, at, keyId } of latest.values()) {
    const { bucket, tag } = hashOf(requestId);
    const notes = lists.get(bucket) ?? [];
    notes.push(`${tag} ${at.toString(36)} ${keyId}`);
    lists.set(bucket, notes);
  }
  return [...lists].map(([bucket, notes]) => ({ names: [requestsName(bucket)], args: [notes.length, ...notes] }));
}

function hashOf(requestId: string): { readonly bucket: string; readonly tag: string } {
  const digits = hash('sha256', requestId, 'hex');
  return { bucket: digits.slice(0, BUCKET_DIGITS), tag: digits.slice(BUCKET_DIGITS, BUCKET_DIGITS + TAG_DIGITS) };
}

function read(note: string): Noted {
  const [, at = '', ...keyId] = note.split(' ');
  return { keyId: keyId.join(' '), at: Number.parseInt(at, 36) };
}
