/** Puts keys with given secrets into the store of a configuration. argv: configuration file, file of secrets. */
import { readFileSync } from 'node:fs';
import { loadConfig } from '../../src/config/load.ts';
import { createSecretHasher } from '../../src/keys/hasher.ts';
import { hintOf } from '../../src/keys/secret.ts';
import { openStore } from '../../src/stores/open.ts';

const [configFile = '', keysFile = ''] = process.argv.slice(2);
const { config } = loadConfig(configFile, {});
/** Putting in so much at once may take longer than a request may. */
const SEED_TIMEOUT_MS = 10_000;
const now = Date.now();
const store = await openStore({ ...config.store, timeoutMs: SEED_TIMEOUT_MS }, { now: () => now });
const hasher = createSecretHasher([]);
const secrets = readFileSync(keysFile, 'utf8').split('\n').filter(Boolean);
/** Creates under way at once. */
const BATCH = 100;
for (let i = 0; i < secrets.length; i += BATCH) {
  const batch = secrets.slice(i, i + BATCH);
  await Promise.all(
    batch.map((secret, j) =>
      store.keys.create({
        id: `key_bench${i + j}`,
        name: `bench ${i + j}`,
        type: 'service',
        owner: 'bench',
        description: '',
        metadata: {},
        status: 'active',
        permissions: ['domains:*', 'devices:read'],
        preset: null,
        tier: 'bench',
        limits: {},
        restrictions: {
          ip_restrictions: ['127.0.0.0/8', '10.0.0.0/8', '2001:db8::/32'],
          time_restrictions: { timezone: 'Europe/Amsterdam', allowed_hours: ['00:00-24:00'], allowed_days: [] },
        },
        secret: { digest: hasher.digest(secret), hint: hintOf(secret) },
        previous: null,
        createdAt: now,
        updatedAt: now,
        rotatedAt: null,
        expiresAt: now + 86_400_000,
        revokedAt: null,
        version: 1,
      }),
    ),
  );
}
await store.close();
process.stdout.write('seeded\n');
