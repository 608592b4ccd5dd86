/**
 * What the decision alone costs: key in memory, no I/O, all checks on. Prints nanoseconds per decision, the median of
 * several rounds.
 *
 *   npm run bench:micro
 */
import { createHash } from 'node:crypto';
import type { Gate } from '../../src/core/gate.ts';
import type { KeyRecord } from '../../src/core/key.ts';
import { freshState, type LimitState, take } from '../../src/core/limits.ts';
import type { RequestView } from '../../src/core/request.ts';
import { NO_ROLES } from '../../src/core/role.ts';
import { RouteTable } from '../../src/core/route.ts';
import { KeyDirectory } from '../../src/keys/directory.ts';
import { createSecretHasher } from '../../src/keys/hasher.ts';
import { loadKey } from '../../src/keys/loader.ts';
import { newSecret } from '../../src/keys/secret.ts';
import { createFailureThrottle } from '../../src/limits/failure-throttle.ts';
import { decide } from '../../src/pipeline.ts';
import { benchKey, RESTRICTIONS, UNRESTRICTED } from '../key-record.ts';

const KEYS = 10_000;
const DECISIONS = 200_000;
const ROUNDS = 9;
const LIMITS = { perHour: 1_000_000_000, perDay: 1_000_000_000, burst: 1_000_000 };
const now = Date.now();
const clock = { now: () => now };
const hasher = createSecretHasher([]);
const secrets = Array.from({ length: KEYS }, () => newSecret('lk'));
const records = new Map<string, KeyRecord>(secrets.map((secret, i) => [hasher.digest(secret), record(secret, i)]));

const directory = new KeyDirectory(
  {
    findByDigest: (digest) => records.get(digest) ?? null,
    changesSince: () => ({ cursor: '1', changed: [], rolesChanged: false, hasImported: false }),
    get: async () => null,
    list: async () => ({ keys: [], next: null, unreadable: [], total: 0 }),
    create: async () => undefined,
    replace: async () => undefined,
    delete: async () => undefined,
    findClaim: async () => null,
    pruneClaims: async () => 0,
  },
  hasher,
  (stored) => loadKey(stored, { tiers: { bench: LIMITS }, presets: {}, roles: NO_ROLES, shadow: [] }),
  clock,
  { maxKeys: 100_000, maxUnknown: 10_000, ttlMs: 3_600_000, unknownTtlMs: 1_000, maxStaleMs: 900_000 },
);
await directory.poll();

// Limits in memory: the arithmetic of core/limits.ts for every request, without a store.
const states = new Map<string, LimitState>();
const gate: Gate = {
  clock,
  keys: directory,
  failures: createFailureThrottle({ burst: 20, perMinute: 20, maxAddresses: 1_000 }),
  limiter: {
    admit(key) {
      const { lease, state } = take(states.get(key.record.id) ?? freshState(key.limits, now), key.limits, 1, now);
      states.set(key.record.id, state);
      return lease;
    },
  },
  restrictions: [],
};

function record(secret: string, i: number): KeyRecord {
  return benchKey(secret, i, now, i % 2 === 0 ? RESTRICTIONS : UNRESTRICTED);
}

function viewOf(secret: string): RequestView {
  const authorization = `Bearer ${secret}`;
  return {
    method: 'GET',
    path: '/api/domains/42',
    address: '127.0.0.1',
    at: now,
    header: (name) => (name === 'authorization' ? authorization : undefined),
  };
}

function nanoseconds(requests: readonly RequestView[], routes: RouteTable): number {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < DECISIONS; i++) {
      const decision = decide(requests[i % requests.length] as RequestView, routes, gate);
      if (decision instanceof Promise || decision.denial !== null) throw new Error('expected to be let in at once');
    }
    times.push(Number(process.hrtime.bigint() - start) / DECISIONS);
  }
  return times.sort((a, b) => a - b)[ROUNDS >> 1] as number;
}

function routesOf(count: number): RouteTable {
  const others = Array.from(
    { length: count },
    (_, i) => `GET /api/${createHash('md5').update(`${i}`).digest('hex')}/:id`,
  );
  return new RouteTable({ public: [], anyKey: others, permissions: { 'domains:read': ['GET /api/domains/*'] } });
}

const views = secrets.map(viewOf);
// Every second key has restrictions; the first pass over all of them fills the cache.
for (const view of views) await decide(view, routesOf(0), gate);
const plain = views.filter((_, i) => i % 2 === 1);
const restricted = views.filter((_, i) => i % 2 === 0);
const rows: [string, number][] = [
  ['10 routes, no restrictions', nanoseconds(plain, routesOf(9))],
  ['10 routes, address and time restrictions', nanoseconds(restricted, routesOf(9))],
  ['10,000 routes, address and time restrictions', nanoseconds(restricted, routesOf(9_999))],
];
const lines = rows.map(([name, ns]) => `| ${name} | ${(ns / 1000).toFixed(2)} |`);
process.stdout.write(
  `| decision, ${KEYS} keys in memory, Node ${process.version} | µs |\n|---|---|\n${lines.join('\n')}\n`,
);
