/** Puts keys with given secrets into the store of a configuration. argv: configuration file, file of secrets. */
import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { loadConfig } from '../../src/config/load.ts';
import { openStore } from '../../src/stores/open.ts';
import { KeyTable } from '../../src/stores/sqlite/key-table.ts';
import { benchKey, RESTRICTIONS } from '../key-record.ts';

/** Creates under way at once, where the store is asked for each. */
const BATCH = 256;
/** Putting in so much at once may take longer than a request may. */
const SEED_TIMEOUT_MS = 10_000;

const [configFile = '', keysFile = ''] = process.argv.slice(2);
const { config } = loadConfig(configFile, {});
const now = Date.now();
const secrets = readFileSync(keysFile, 'utf8').split('\n').filter(Boolean);
const store = await openStore({ ...config.store, timeoutMs: SEED_TIMEOUT_MS }, { now: () => now });
if (config.store.kind === 'sqlite') {
  await store.close();
  seedSqlite(config.store.path);
} else {
  for (let i = 0; i < secrets.length; i += BATCH) {
    const batch = secrets.slice(i, i + BATCH);
    await Promise.all(batch.map((secret, j) => store.keys.create(benchKey(secret, i + j, now, RESTRICTIONS))));
  }
  await store.close();
}
process.stdout.write('seeded\n');

/** All in one transaction: the store's own way makes each of them durable by itself. */
function seedSqlite(path: string): void {
  const db = new DatabaseSync(path);
  db.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000; BEGIN');
  const table = new KeyTable(db);
  for (const [i, secret] of secrets.entries()) table.insert(benchKey(secret, i, now, RESTRICTIONS));
  db.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)');
  db.close();
}
