/** Puts keys with given secrets into the store of a configuration. argv: configuration file, file of secrets. */
import { readFileSync } from 'node:fs';
import { loadConfig } from '../../src/config/load.ts';
import { openStore } from '../../src/stores/open.ts';
import { benchKey, RESTRICTIONS } from '../key-record.ts';

/** Creates under way at once. */
const BATCH = 100;
/** Putting in so much at once may take longer than a request may. */
const SEED_TIMEOUT_MS = 10_000;

const [configFile = '', keysFile = ''] = process.argv.slice(2);
const { config } = loadConfig(configFile, {});
const now = Date.now();
const store = await openStore({ ...config.store, timeoutMs: SEED_TIMEOUT_MS }, { now: () => now });
const secrets = readFileSync(keysFile, 'utf8').split('\n').filter(Boolean);
for (let i = 0; i < secrets.length; i += BATCH) {
  const batch = secrets.slice(i, i + BATCH);
  await Promise.all(batch.map((secret, j) => store.keys.create(benchKey(secret, i + j, now, RESTRICTIONS))));
}
await store.close();
process.stdout.write('seeded\n');
