import type { Redis } from 'ioredis';
import type { KeyRecord } from '../../core/key.ts';
import { type KeyChanges, type KeyPage, type KeyQuery, type KeyStore, StoreError } from '../../core/ports.ts';
import { BEGINNING, changesAfter, MAX_CHANGES } from '../change-cursor.ts';
import { collectPage, idAt, type ListChunk, type ListEntry, type ListIndex, positionOf } from '../listing.ts';
import { decodeRecord, digestsOf, encodeRecord } from '../record.ts';
import type { RedisConnection } from './connection.ts';
import { CHANGES, digestName, listName, recordName } from './layout.ts';
import { CREATE_KEY, REPLACE_KEY, UNDO_CREATE_KEY } from './scripts.ts';

/** Keys in Redis. Each change is one script, so it happens whole or not at all. */
export class RedisKeyStore implements KeyStore {
  readonly #connection: RedisConnection;

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  async findByDigest(digest: string): Promise<KeyRecord | null> {
    const found = await this.#connection.ask(async (client) => {
      const id = await client.get(digestName(digest));
      return id === null ? null : { id, json: await client.hget(recordName(id), 'json') };
    });
    const record = found === null ? null : decode(found.id, found.json);
    // The record is the authority: it may have been replaced since its digest was read.
    return record !== null && digestsOf(record).includes(digest) ? record : null;
  }

  async get(id: string): Promise<KeyRecord | null> {
    return decode(id, await this.#connection.ask((client) => client.hget(recordName(id), 'json')));
  }

  list(query: KeyQuery): Promise<KeyPage> {
    return collectPage(query, (index, after, count) =>
      this.#connection.ask((client) => walk(client, index, after, count)),
    );
  }

  async create(record: KeyRecord): Promise<void> {
    const digests = digestsOf(record);
    const place = placeOf(record);
    const names = [recordName(record.id), CHANGES, ...digests.map(digestName), ...place.lists];
    const head = [digests.length, record.id, place.position, MAX_CHANGES];
    try {
      const made = await this.#connection.run(CREATE_KEY, names, [...head, ...fields(record)]);
      if (made !== 1) throw new StoreError('STORE_CONFLICT', `${record.id} or its digest is already there`);
    } catch (error) {
      // Without an answer it may still be made, after the caller was told that it was not.
      if (isUnavailable(error)) this.#undo(names, [...head, encodeRecord(record)]);
      throw error;
    }
  }

  async replace(record: KeyRecord): Promise<void> {
    const expected = record.version - 1;
    // What the script touches depends on what is there. It checks the version, which says that it is there still.
    const old = await this.#connection.ask((client) => readStored(client, record.id));
    const replaced = old?.version === String(expected) && (await this.#replace(old, record));
    if (!replaced) {
      const what = `${record.id} is not at version ${expected} (changed meanwhile, or gone), or its new digest is taken`;
      throw new StoreError('STORE_CONFLICT', what);
    }
  }

  async changesSince(cursor: string | null): Promise<KeyChanges> {
    return this.#connection.ask(async (client) => {
      if (cursor === null) return { cursor: await newestChange(client), changed: null };
      const start = cursor === BEGINNING ? '-' : cursor;
      const found = await client.xrange(CHANGES, start, '+', 'COUNT', MAX_CHANGES + 1);
      const changes = found.map(([position, values]) => ({ position, keyId: values[1] ?? '' }));
      return changesAfter(cursor, changes);
    });
  }

  async #replace(old: Stored, record: KeyRecord): Promise<boolean> {
    const place = placeOf(record);
    const digests = digestsOf(record);
    const moved = old.position !== place.position;
    const claim = digests.filter((digest) => !old.digests.includes(digest)).map(digestName);
    const drop = old.digests.filter((digest) => !digests.includes(digest)).map(digestName);
    const leave = old.lists.filter((list) => moved || !place.lists.includes(list));
    const join = place.lists.filter((list) => moved || !old.lists.includes(list));
    const names = [recordName(record.id), CHANGES, ...claim, ...drop, ...leave, ...join];
    const numbers = [claim.length, drop.length, leave.length, join.length];
    const args = [record.id, old.position, place.position, MAX_CHANGES, record.version - 1, ...fields(record)];
    return (await this.#connection.run(REPLACE_KEY, names, [...numbers, ...args])) === 1;
  }

  /** Follows the create on the same connection, so it runs after it. When that is gone too, nobody knows the secret. */
  #undo(names: readonly string[], args: readonly (string | number)[]): void {
    this.#connection.runWhole(UNDO_CREATE_KEY, names, args).catch(() => undefined);
  }
}

/** What a stored record says of the names that point to it. */
interface Stored {
  readonly version: string;
  readonly position: string;
  readonly digests: readonly string[];
  readonly lists: readonly string[];
}

function fields(record: KeyRecord): (string | number)[] {
  const { version, type, owner, status } = record;
  const pairs = { json: encodeRecord(record), version, position: positionOf(record), type, owner, status };
  const [digest = '', previous = ''] = digestsOf(record);
  return Object.entries({ ...pairs, digest, previous }).flat();
}

function placeOf(record: KeyRecord): { position: string; lists: string[] } {
  return { position: positionOf(record), lists: listsOf(record.type, record.owner, record.status) };
}

function listsOf(type: string, owner: string, status: string): string[] {
  const indexes: ListIndex[] = [
    { name: 'all' },
    { name: 'type', value: type },
    { name: 'owner', value: owner },
    { name: 'status', value: status },
  ];
  return indexes.map(listName);
}

async function readStored(client: Redis, id: string): Promise<Stored | null> {
  const names = ['version', 'position', 'type', 'owner', 'status', 'digest', 'previous'];
  const [version, position, type, owner, status, digest, previous] = await client.hmget(recordName(id), ...names);
  if (!version || !position) return null;
  const digests = [digest, previous].filter((value): value is string => typeof value === 'string' && value !== '');
  return { version, position, digests, lists: listsOf(type ?? '', owner ?? '', status ?? '') };
}

async function walk(client: Redis, index: ListIndex, after: string, count: number): Promise<ListChunk> {
  const start = after === '' ? '-' : `(${after}`;
  const positions = await client.zrangebylex(listName(index), start, '+', 'LIMIT', 0, count);
  const names = ['type', 'owner', 'status', 'json'];
  const found = await Promise.all(positions.map((position) => client.hmget(recordName(idAt(position)), ...names)));
  const entries: ListEntry[] = positions.map((position, i) => {
    const [type, owner, status, json] = (found[i] ?? []).map((value) => value ?? '');
    return {
      position,
      id: idAt(position),
      type: type ?? '',
      owner: owner ?? '',
      status: status ?? '',
      json: json ?? '',
    };
  });
  return { entries, next: positions.length < count ? null : (positions.at(-1) ?? null) };
}

async function newestChange(client: Redis): Promise<string> {
  const [newest] = await client.xrevrange(CHANGES, '+', '-', 'COUNT', 1);
  return newest?.[0] ?? BEGINNING;
}

function decode(id: string, json: string | null): KeyRecord | null {
  return json === null ? null : decodeRecord(id, json);
}

function isUnavailable(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'STORE_UNAVAILABLE';
}
