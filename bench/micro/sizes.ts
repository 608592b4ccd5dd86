/**
 * What a store keeps of keys, counts, logs and the audit log, in bytes each: in Redis by `used_memory` before and after,
 * and by MEMORY USAGE of single names; in SQLite by the pages of each file. docs/scaling.md has the figures.
 *
 *   node bench/micro/sizes.ts [SQLite|Redis] [number of keys]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Redis } from 'ioredis';
import { configForUpstream } from '../../src/config/load.ts';
import type { KeyRestrictions } from '../../src/core/key.ts';
import type { Limits } from '../../src/core/limits.ts';
import { NO_PLACES } from '../../src/core/places.ts';
import type { Store } from '../../src/core/ports.ts';
import { dayOf } from '../../src/core/usage.ts';
import { Administration } from '../../src/management/administration.ts';
import { localCaller } from '../../src/management/caller.ts';
import { openStore } from '../../src/stores/open.ts';
import { digestsOf } from '../../src/stores/record.ts';
import {
  AUDIT,
  BY_EXPIRY,
  BY_NAME,
  CHANGES,
  digestName,
  GATEWAYS,
  limitName,
  listName,
  recordName,
} from '../../src/stores/redis/layout.ts';
import {
  countsName,
  daysName,
  LOGS,
  lastUseName,
  logName,
  logsName,
  sentName,
} from '../../src/stores/redis/usage-layout.ts';
import { startRedis } from '../../test/support/redis.ts';
import { ALL_RESTRICTIONS, RESTRICTIONS, UNRESTRICTED } from '../key-record.ts';
import { type DayShape, sampleBatch, sampleId, sampleKey, sampleLog } from '../samples.ts';

const NOW = Date.now();
const CONCURRENCY = 256;
const LIMITS: Limits = { perHour: 50_000, perDay: 500_000, burst: 5_000 };
const LOG_ENTRIES = 20;
const AUDITED = 1_000;
const FOLDING_BATCHES = 600;
const QUIET: DayShape = { hours: 1, routes: 1 };
const BUSY: DayShape = { hours: 24, routes: 5 };
const KINDS: Readonly<Record<string, KeyRestrictions>> = {
  'without restrictions': UNRESTRICTED,
  'with addresses and hours': RESTRICTIONS,
  'with every kind of restriction': ALL_RESTRICTIONS,
};

/** Does something for each number below `count`, many at a time. */
async function each(count: number, work: (i: number) => unknown): Promise<void> {
  for (let start = 0; start < count; start += CONCURRENCY) {
    await Promise.all(Array.from({ length: Math.min(CONCURRENCY, count - start) }, (_, i) => work(start + i)));
  }
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** What can be put into a store, and how many of what is counted it puts there. */
interface Filling {
  readonly what: string;
  readonly fill: (store: Store, count: number) => Promise<number>;
}

async function useDay(store: Store, count: number, shape: DayShape, writers = 1): Promise<number> {
  for (let writer = 0; writer < writers; writer++) {
    for (let start = 0, number = 1; start < count; start += 1_000, number++) {
      const keys = numbers(Math.min(1_000, count - start)).map((i) => start + i);
      await store.usage.record(sampleBatch(`gateway${writer}`, number, keys, NOW, shape));
    }
  }
  // SQLite folds what it is told into rows later, when more was told.
  for (let number = 1; number <= FOLDING_BATCHES; number++) {
    await store.usage.record(sampleBatch('folding', number, [count], NOW, QUIET));
  }
  return count;
}

async function audit(store: Store): Promise<number> {
  const { config } = configForUpstream('http://127.0.0.1:9', {});
  const clock = { now: () => NOW };
  const places = (): { places: typeof NO_PLACES; gaps: [] } => ({ places: NO_PLACES, gaps: [] });
  const administration = new Administration({ store, clock, config, claimSalt: Buffer.alloc(0), places });
  const client = administration.as(localCaller('bench', 'localhost'));
  for (let i = 0; i < AUDITED; i++) {
    await client.createKey({ name: `billing export ${i}`, type: 'service', owner: 'team-1' });
  }
  return AUDITED;
}

const FILLINGS: readonly Filling[] = [
  ...Object.entries(KINDS).map(([kind, restrictions]) => ({
    what: `key ${kind}`,
    fill: async (store: Store, count: number) => {
      await each(count, (i) => store.keys.create(sampleKey(i, NOW, restrictions)));
      return count;
    },
  })),
  {
    what: 'limit state of a key',
    fill: async (store, count) => {
      await each(count, (i) => store.limits.lease(sampleId(i), LIMITS, 1));
      return count;
    },
  },
  { what: 'usage of a key and day: one hour, one route', fill: (store, count) => useDay(store, count, QUIET) },
  { what: 'usage of a key and day: 24 hours, five routes', fill: (store, count) => useDay(store, count, BUSY) },
  { what: 'the same, counted by 10 gateways', fill: (store, count) => useDay(store, count, BUSY, 10) },
  {
    what: 'the same, counted by 100 gateways',
    fill: (store, count) => useDay(store, Math.ceil(count / 10), BUSY, 100),
  },
  {
    what: `logged request, ${LOG_ENTRIES} of each key`,
    fill: async (store, count) => {
      const keys = Math.ceil(count / LOG_ENTRIES);
      for (let i = 0; i < keys; i += 25) {
        await store.requests.append(numbers(25).map((n) => sampleLog(i + n, LOG_ENTRIES, NOW)));
      }
      return Math.ceil(keys / 25) * 25 * LOG_ENTRIES;
    },
  },
  { what: 'key made by the API, with its audit entry', fill: audit },
  {
    what: 'gateway',
    fill: async (store) => {
      await each(100, (i) =>
        store.gateways.report({
          id: `gw_${sampleId(i).slice(4, 22)}`,
          name: `gateway-${i}.example.net:8080`,
          cursor: `${NOW}-0`,
        }),
      );
      return 100;
    },
  },
];

async function memory(client: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
}

/** Names that a filling makes, each with how many of what is counted it is for. */
function namesOf(count: number): Readonly<Record<string, readonly [name: string, per: number]>> {
  const scope = `key:${sampleId(0)}` as const;
  const record = sampleKey(0, NOW, UNRESTRICTED);
  return {
    record: [recordName(record.id), 1],
    digest: [digestName(digestsOf(record)[0] ?? ''), 1],
    'place in list:all': [listName({ name: 'all' }), count],
    'place in list:owner, of 10': [listName({ name: 'owner', value: 'team-0' }), 10],
    'place in list:name': [BY_NAME, count],
    'place in list:expires': [BY_EXPIRY, count],
    limit: [limitName(record.id), 1],
    counts: [countsName(scope, dayOf(NOW)), 1],
    sent: [sentName(scope, dayOf(NOW)), 1],
    days: [daysName(scope), 1],
    use: [lastUseName(scope), 1],
    'log, an entry': [logName(record.id), LOG_ENTRIES],
    'place in lk:logs:<00 to ff>, about': [logsName(record.id), count / LOG_ENTRIES / LOGS.length],
    'audit, an entry': [AUDIT, AUDITED],
    'changes, whole': [CHANGES, 1],
    gateways: [GATEWAYS, 100],
  };
}

async function inRedis(count: number): Promise<void> {
  const server = await startRedis();
  const client = new Redis(server.port, '127.0.0.1');
  const store = await openStore({ kind: 'redis', url: server.url, timeoutMs: 30_000 }, { now: () => NOW });
  try {
    for (const { what, fill } of FILLINGS) {
      await client.flushall();
      // The first call loads the scripts, which take memory too.
      await fill(store, 1);
      await client.flushall();
      const before = await memory(client);
      const made = await fill(store, count);
      const bytes = ((await memory(client)) - before) / made;
      process.stdout.write(`| Redis: ${what} | ${bytes.toFixed(0)} |\n`);
      for (const [part, [name, per]] of Object.entries(namesOf(made))) {
        const used = await client.call('MEMORY', 'USAGE', name, 'SAMPLES', '0');
        if (typeof used === 'number') process.stdout.write(`| – ${part} | ${(used / per).toFixed(0)} |\n`);
      }
    }
  } finally {
    await store.close();
    client.disconnect();
    await server.stop();
  }
}

/** Of the pages of a file those that hold something. */
function bytesIn(file: string): number {
  const db = new DatabaseSync(file, { readOnly: true });
  const sql = `SELECT (page_count - freelist_count) * page_size AS bytes
    FROM pragma_page_count, pragma_freelist_count, pragma_page_size`;
  const bytes = Number(db.prepare(sql).get()?.['bytes']);
  db.close();
  return bytes;
}

async function inSqlite(count: number): Promise<void> {
  for (const { what, fill } of FILLINGS) {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
    const path = join(folder, 'keys.db');
    const files = ['', '-limits', '-usage', '-requests', '-gateways'].map((end) => `${path}${end}`);
    const open = (): Promise<Store> => openStore({ kind: 'sqlite', path, timeoutMs: 10_000 }, { now: () => NOW });
    try {
      await (await open()).close();
      const before = files.map((file) => bytesIn(file));
      const store = await open();
      const made = await fill(store, count);
      // Closed, everything that was written ahead is in the files.
      await store.close();
      const grown = files.map((file, i) => (bytesIn(file) - (before[i] ?? 0)) / made);
      const parts = grown.flatMap((bytes, i) =>
        bytes >= 1 ? [`${bytes.toFixed(0)} (keys.db${files[i]?.slice(path.length)})`] : [],
      );
      process.stdout.write(`| SQLite: ${what} | ${parts.join(' + ')} |\n`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
}

const [engine, number = '20000'] = process.argv.slice(2);
const count = Number(number);
if ((engine !== undefined && engine !== 'SQLite' && engine !== 'Redis') || !Number.isInteger(count) || count < 1_000) {
  process.stderr.write('usage: node bench/micro/sizes.ts [SQLite|Redis] [number of keys, 1000 or more]\n');
  process.exit(2);
}
process.stdout.write('| | bytes |\n|---|---|\n');
if (engine !== 'SQLite') await inRedis(count);
if (engine !== 'Redis') await inSqlite(count);
