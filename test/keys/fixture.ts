import { DatabaseSync } from 'node:sqlite';
import type { FoundKey } from '../../src/core/gate.ts';
import type { KeyRecord } from '../../src/core/key.ts';
import type { Store } from '../../src/core/ports.ts';
import { KeyDirectory } from '../../src/keys/directory.ts';
import type { DirectoryOptions } from '../../src/keys/directory-options.ts';
import type { SecretHasher } from '../../src/keys/hasher.ts';
import { loadKey } from '../../src/keys/loader.ts';
import { ManualClock } from '../support/clock.ts';
import { CATALOGUE, HASHER, issuedKey, sqlitePath, sqliteStore, type Tap } from '../support/keys.ts';
import { FaultyKeyStore } from './faulty-store.ts';

export const OPTIONS: DirectoryOptions = {
  maxKeys: 100,
  maxUnknown: 100,
  ttlMs: 60_000,
  unknownTtlMs: 1_000,
  maxStaleMs: 900_000,
};

export interface DirectoryFixture {
  readonly clock: ManualClock;
  /** The store itself, as others reach it whatever becomes of the gateway's own link. */
  readonly real: Store['keys'];
  readonly store: FaultyKeyStore;
  readonly directory: KeyDirectory;
  /** Stores a key, which the directory then sees, and returns its secret. */
  issue(given?: Partial<KeyRecord>): Promise<{ record: KeyRecord; secret: string }>;
  /** Replaces what is stored of a key, past the program. */
  damage(id: string, text: string): void;
}

/** A directory over a real store, polled once. Further polls are the test's to make. */
export async function setUp(
  t: Tap,
  options: Partial<DirectoryOptions> = {},
  hasher: SecretHasher = HASHER,
): Promise<DirectoryFixture> {
  const clock = new ManualClock();
  const path = sqlitePath();
  const real = (await sqliteStore(t, clock, path)).keys;
  const store = new FaultyKeyStore(real);
  const load = (record: KeyRecord) => loadKey(record, CATALOGUE);
  const directory = new KeyDirectory(store, hasher, load, clock, { ...OPTIONS, ...options });
  await directory.poll();
  const issue = async (given: Partial<KeyRecord> = {}) => {
    const issued = issuedKey(given, hasher);
    await real.create(issued.record);
    // Making a key is a change too: the directory has seen it when the test begins.
    await directory.poll();
    return issued;
  };
  const damage = (id: string, text: string): void => {
    const outside = new DatabaseSync(path, { timeout: 10_000 });
    outside.prepare('UPDATE keys SET record = ? WHERE id = ?').run(text, id);
    outside.close();
  };
  return { clock, real, store, directory, issue, damage };
}

/** What a request gets: from memory, or else from the store. */
export async function look(directory: KeyDirectory, secret: string): Promise<FoundKey | null> {
  const inMemory = directory.peek(secret);
  return inMemory === undefined ? directory.find(secret) : inMemory;
}

/** The next version of a record. */
export function changed(record: KeyRecord, changes: Partial<KeyRecord>): KeyRecord {
  return { ...record, ...changes, version: record.version + 1 };
}
