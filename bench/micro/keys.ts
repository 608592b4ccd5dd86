/**
 * What finding a key and counting its limits costs, by the number of keys in memory: all checks, the cache of keys, and the
 * limits as SQLite counts them for one process. Keys are drawn at random, and each request has its secret in a text of its
 * own, as from a socket. Prints nanoseconds per decision (the median of several rounds) and bytes of memory per key.
 *
 *   node --expose-gc --max-old-space-size=12000 bench/micro/keys.ts [keys …]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Gate } from '../../src/core/gate.ts';
import type { KeyRecord } from '../../src/core/key.ts';
import type { RequestView } from '../../src/core/request.ts';
import { NO_ROLES } from '../../src/core/role.ts';
import { RouteTable } from '../../src/core/route.ts';
import { KeyDirectory } from '../../src/keys/directory.ts';
import { createSecretHasher } from '../../src/keys/hasher.ts';
import { loadKey } from '../../src/keys/loader.ts';
import { newSecret } from '../../src/keys/secret.ts';
import { createFailureThrottle } from '../../src/limits/failure-throttle.ts';
import { LedgerLimiter } from '../../src/limits/limiter.ts';
import { decide } from '../../src/pipeline.ts';
import { openSqliteStore } from '../../src/stores/sqlite/index.ts';
import { benchKey, RESTRICTIONS, UNRESTRICTED } from '../key-record.ts';

const DECISIONS = 200_000;
const ROUNDS = 7;
const LIMITS = { perHour: 1_000_000_000, perDay: 1_000_000_000, burst: 1_000_000 };
const SECRET_LENGTH = newSecret('lk').length;
const now = Date.now();
const clock = { now: () => now };
const hasher = createSecretHasher([]);
const routes = new RouteTable({ public: [], anyKey: [], permissions: { 'domains:read': ['GET /api/domains/*'] } });

async function measure(count: number): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
  const store = await openSqliteStore({ path: join(folder, 'keys.db'), timeoutMs: 1_000, clock });
  const secrets = Buffer.allocUnsafe(count * SECRET_LENGTH);
  let stored: KeyRecord | null = null;
  const directory = new KeyDirectory(
    {
      ...store.keys,
      findByDigest: () => stored,
      changesSince: () => ({ cursor: '1', changed: [], rolesChanged: false, hasImported: false }),
    },
    hasher,
    (record) => loadKey(record, { tiers: { bench: LIMITS }, presets: {}, roles: NO_ROLES, shadow: [] }),
    clock,
    { maxKeys: count, maxUnknown: 10_000, ttlMs: 3_600_000, unknownTtlMs: 1_000, maxStaleMs: 900_000 },
  );
  await directory.poll();
  const limiter = new LedgerLimiter(store.limits, clock, count);
  const gate: Gate = {
    clock,
    keys: directory,
    failures: createFailureThrottle({ burst: 20, perMinute: 20, maxAddresses: 1_000 }),
    limiter,
    restrictions: [],
  };
  const use = (i: number): ReturnType<typeof decide> => {
    const secret = secrets.toString('latin1', i * SECRET_LENGTH, (i + 1) * SECRET_LENGTH);
    return decide(viewOf(`Bearer ${secret}`), routes, gate);
  };
  globalThis.gc?.();
  const before = memory();
  for (let i = 0; i < count; i++) {
    const secret = newSecret('lk');
    secrets.write(secret, i * SECRET_LENGTH, 'latin1');
    // As a store gives it: nothing in it is part of another key's.
    const record = benchKey(secret, i, now, i % 3 === 0 ? RESTRICTIONS : UNRESTRICTED);
    stored = JSON.parse(JSON.stringify(record)) as KeyRecord;
    await use(i);
  }
  stored = null;
  // The first answer took its time, while it was settled who counts.
  limiter.sweep();
  globalThis.gc?.();
  const bytes = (memory() - before) / count;
  const times = Array.from({ length: ROUNDS }, () => nanoseconds(() => use(Math.floor(Math.random() * count))));
  await store.close();
  rmSync(folder, { recursive: true });
  const median = times.sort((a, b) => a - b)[ROUNDS >> 1] as number;
  return `| ${count} | ${median.toFixed(0)} | ${bytes.toFixed(0)} |`;
}

function viewOf(authorization: string): RequestView {
  return {
    method: 'GET',
    path: '/api/domains/42',
    address: '127.0.0.1',
    at: now,
    header: (name) => (name === 'authorization' ? authorization : undefined),
  };
}

/** What one decision takes, of many. */
function nanoseconds(decideOne: () => ReturnType<typeof decide>): number {
  const begun = process.hrtime.bigint();
  for (let n = 0; n < DECISIONS; n++) {
    const decision = decideOne();
    if (decision instanceof Promise || decision.denial !== null) {
      throw new Error('expected to be let in at once', { cause: decision });
    }
  }
  return Number(process.hrtime.bigint() - begun) / DECISIONS;
}

function memory(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const counts = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [1_000, 10_000, 100_000];
process.stdout.write('| keys | ns a decision | bytes a key |\n|---|---|---|\n');
for (const count of counts) process.stdout.write(`${await measure(count)}\n`);
