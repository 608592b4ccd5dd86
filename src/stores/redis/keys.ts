import type { Along, Claim } from '../../core/along.ts';
import type { KeyRecord } from '../../core/key.ts';
import { type KeyChanges, type KeyPage, type KeyQuery, type KeyStore, StoreError } from '../../core/ports.ts';
import { BEGINNING, changesAfter, changesFromNow, MAX_CHANGES } from '../change-cursor.ts';
import { collectPage, type ListReader } from '../listing.ts';
import { decodeRecord, digestsOf } from '../record.ts';
import { DONE } from './change-scripts.ts';
import { findClaim } from './claims.ts';
import type { RedisConnection } from './connection.ts';
import { keepHintLink } from './hint-link.ts';
import { createChange, deleteChange, readStored, replaceChange, undoCreateChange } from './key-changes.ts';
import { RedisListReader } from './key-listing.ts';
import { CHANGES, digestName, IMPORTED, recordName } from './layout.ts';
import type { Upgrade } from './upgrade.ts';
import type { Writer } from './writer.ts';

/** Keys in Redis. Each change is one script, so it happens whole or not at all. */
export class RedisKeyStore implements KeyStore {
  readonly #connection: RedisConnection;
  readonly #writer: Writer;
  readonly #listings: ListReader;

  constructor(connection: RedisConnection, writer: Writer, upgrade: Upgrade) {
    this.#connection = connection;
    this.#writer = writer;
    this.#listings = new RedisListReader(connection, upgrade);
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
    return collectPage(query, this.#listings);
  }

  /**
   * Without an answer the key may still be made after the caller was told that it was not, with a secret that nobody
   * knows: it is taken away again. One with a claim stays, because whoever asks again with the same claim is given its
   * answer and its secret.
   */
  async create(record: KeyRecord, along?: Along): Promise<void> {
    const { outcome } = await this.#writer.write(createChange(record), along, undoCreateChange(record));
    if (outcome === DONE) return;
    throw new StoreError('STORE_CONFLICT', `${record.id}, its digest or its claim is already there`);
  }

  async replace(record: KeyRecord, along?: Along): Promise<void> {
    const expected = record.version - 1;
    const old = await this.#connection.ask((client) => readStored(client, record.id));
    if (old?.version === String(expected)) {
      const { outcome } = await this.#writer.write(replaceChange(old, record), along);
      if (outcome === DONE) return;
    }
    throw notAt(record.id, expected, 'its new digest or its claim is taken');
  }

  async delete(id: string, version: number, along?: Along): Promise<void> {
    const old = await this.#connection.ask((client) => readStored(client, id));
    if (old?.version === String(version)) {
      const { outcome } = await this.#writer.write(deleteChange(id, old), along);
      if (outcome === DONE) return;
    }
    throw notAt(id, version, 'its claim is taken');
  }

  findClaim(id: string, now: number): Promise<Claim | null> {
    return findClaim(this.#connection, id, now);
  }

  /** Redis forgets by itself what it was told to keep for so long. */
  async pruneClaims(): Promise<number> {
    return 0;
  }

  async changesSince(cursor: string | null): Promise<KeyChanges> {
    return this.#connection.ask(async (client) => {
      const range =
        cursor === null
          ? client.xrevrange(CHANGES, '+', '-', 'COUNT', 1)
          : client.xrange(CHANGES, cursor === BEGINNING ? '-' : cursor, '+', 'COUNT', MAX_CHANGES + 1);
      // Asked second and so never older: whoever is told of an imported key is told of this as well.
      const [found, imported] = await Promise.all([range, client.get(IMPORTED)]);
      const changes = found.map(([position, values]) => ({ position, subject: values[1] ?? '' }));
      if (cursor === null) return changesFromNow(changes[0]?.position, imported !== null);
      return changesAfter(cursor, changes, imported !== null);
    });
  }

  watch(hint: () => void): () => void {
    const ended = new AbortController();
    void keepHintLink(this.#connection, hint, AbortSignal.any([ended.signal, this.#connection.closing]));
    return () => ended.abort();
  }
}

function notAt(id: string, version: number, or: string): StoreError {
  const what = `${id} is not at version ${version} (changed meanwhile, or gone), or ${or}`;
  return new StoreError('STORE_CONFLICT', what);
}

function decode(id: string, json: string | null): KeyRecord | null {
  return json === null ? null : decodeRecord(id, json);
}
