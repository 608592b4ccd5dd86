/**
 * What a page of a listing costs, by how many keys there are: it must not grow with them. Prints the median time of one
 * page of 50 keys with the fewest keys, and the ratio to it with more: of the store's part alone, and of the whole answer
 * as the API gives it, usage included, without HTTP.
 *
 *   node bench/micro/listing.ts [SQLite|Redis] [number of keys ...]
 */
import { hash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { configForUpstream } from '../../src/config/load.ts';
import type { KeyRecord } from '../../src/core/key.ts';
import { NO_PLACES } from '../../src/core/places.ts';
import type { KeyQuery, KeySort, Store } from '../../src/core/ports.ts';
import { Administration } from '../../src/management/administration.ts';
import { localCaller } from '../../src/management/caller.ts';
import { openStore } from '../../src/stores/open.ts';
import { positionsOf, walkOf, writeToken } from '../../src/stores/positions.ts';
import { KeyTable } from '../../src/stores/sqlite/key-table.ts';
import { startRedis } from '../../test/support/redis.ts';
import { benchKey, RESTRICTIONS } from '../key-record.ts';

const DEFAULT_SIZES = [1_000, 100_000, 1_000_000];
const PAGE = 50;
/** Each owner has this many keys, whatever there are of others. */
const KEYS_PER_OWNER = 100;
const PAGES = 400;
/** Creates under way at a time. */
const CONCURRENCY = 256;
const NOW = Date.now();

/** The key with this number; names and ends in an order of their own, as people's are. */
function keyOf(i: number): KeyRecord {
  const text = hash('sha256', `key ${i}`, 'hex');
  const restrictions = i % 2 === 0 ? RESTRICTIONS : { ...RESTRICTIONS, ip_restrictions: [] };
  return {
    ...benchKey(text, i, NOW, restrictions),
    name: `${text.slice(0, 8)} service`,
    owner: ownerOf(i),
    createdAt: NOW - i * 1_000,
    expiresAt: i % 3 === 0 ? null : NOW + Number.parseInt(text.slice(0, 8), 16),
  };
}

function ownerOf(i: number): string {
  return `owner_${Math.floor(i / KEYS_PER_OWNER)}`;
}

interface Filled {
  readonly store: Store;
  close(): Promise<void>;
}

/** All keys in one transaction: the store's own way makes each of them durable by itself. */
async function fillSqlite(count: number): Promise<Filled> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
  const path = join(folder, 'keys.db');
  const open = (): Promise<Store> => openStore({ kind: 'sqlite', path, timeoutMs: 10_000 }, { now: () => NOW });
  await (await open()).close();
  const db = new DatabaseSync(path);
  db.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000; BEGIN');
  const table = new KeyTable(db);
  for (let i = 0; i < count; i++) table.insert(keyOf(i));
  db.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)');
  db.close();
  const store = await open();
  const close = async (): Promise<void> => {
    await store.close();
    rmSync(folder, { recursive: true });
  };
  return { store, close };
}

async function fillRedis(count: number): Promise<Filled> {
  const server = await startRedis();
  const store = await openStore({ kind: 'redis', url: server.url, timeoutMs: 10_000 }, { now: () => NOW });
  for (let start = 0; start < count; start += CONCURRENCY) {
    const batch = Array.from({ length: Math.min(CONCURRENCY, count - start) }, (_, i) => keyOf(start + i));
    await Promise.all(batch.map((record) => store.keys.create(record)));
  }
  const close = async (): Promise<void> => {
    await store.close();
    await server.stop();
  };
  return { store, close };
}

/** A query for some page; which one depends on the number, over all keys. */
type Pages = (i: number, count: number) => KeyQuery;

function after(sort: KeySort): Pages {
  return (i, count) => {
    const walk = walkOf(sort);
    let n = someKey(i, count);
    while (!isInMidst(keyOf(n))) n++;
    const position = positionsOf(keyOf(n))[walk.order];
    return { limit: PAGE, sort, after: writeToken(walk, { position, skip: 0 }) };
  };
}

/** Whether a page after it is a full one, by its name and by its end. */
function isInMidst({ name, expiresAt }: KeyRecord): boolean {
  return expiresAt !== null && name < 'd';
}

/** Not near either end, where a page would be short. */
function someKey(i: number, count: number): number {
  return Math.floor(count * (0.1 + (0.8 * ((i * 7_919) % PAGES)) / PAGES));
}

const CASES: Readonly<Record<string, Pages>> = {
  'first page': () => ({ limit: PAGE }),
  'page in the midst': after('-created_at'),
  'first page by name': () => ({ limit: PAGE, sort: 'name' }),
  'page in the midst by name': after('name'),
  'page in the midst by expiry': after('expires_at'),
  "an owner's keys": (i, count) => ({ limit: PAGE, owner: ownerOf(someKey(i, count)) }),
  "an owner's keys by name": (i, count) => ({ limit: PAGE, owner: ownerOf(someKey(i, count)), sort: 'name' }),
  'keys of one status, offset 100': () => ({ limit: PAGE, status: 'active', offset: 100 }),
};

/** Asks for one page. @returns how many keys are on it */
type AskPage = (query: KeyQuery) => Promise<number>;

/** What is asked: the store, and all that answers `GET /api-keys`. */
function asked(store: Store): Readonly<Record<string, AskPage>> {
  const { config } = configForUpstream('http://127.0.0.1:9', {});
  const clock = { now: () => NOW };
  const administration = new Administration({
    store,
    clock,
    config,
    claimSalt: Buffer.alloc(0),
    places: () => ({ places: NO_PLACES, gaps: [] }),
  });
  const client = administration.as(localCaller('bench', 'localhost'));
  return {
    store: async (query) => (await store.keys.list(query)).keys.length,
    answer: async ({ after: cursor, ...query }) => {
      const page = await client.listKeys({ ...query, ...(cursor === undefined ? {} : { cursor }) });
      return page.keys.length;
    },
  };
}

/** Median time of one page, in microseconds. */
async function measure(ask: AskPage, pages: Pages, count: number): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < PAGES; i++) {
    const query = pages(i, count);
    const start = process.hrtime.bigint();
    const found = await ask(query);
    times.push(Number(process.hrtime.bigint() - start) / 1_000);
    if (found !== PAGE) throw new Error(`${found} keys on a page of ${JSON.stringify(query)}`);
  }
  return times.sort((a, b) => a - b)[PAGES >> 1] ?? Number.NaN;
}

async function run(name: string, fill: (count: number) => Promise<Filled>, sizes: readonly number[]): Promise<void> {
  const columns: Map<string, number>[] = [];
  for (const count of sizes) {
    const filled = await fill(count);
    try {
      const column = new Map<string, number>();
      for (const [part, ask] of Object.entries(asked(filled.store))) {
        // Twice: what the first pass measures is the compiler, and a file that was not read yet.
        for (const pages of Object.values(CASES)) await measure(ask, pages, count);
        for (const [what, pages] of Object.entries(CASES)) {
          column.set(`${what}: ${part}`, await measure(ask, pages, count));
        }
      }
      columns.push(column);
    } finally {
      await filled.close();
    }
  }
  const head = sizes.map((count, i) => `${count} keys${i === 0 ? ', µs' : ''}`);
  const rows = [...(columns[0]?.keys() ?? [])].map((what) => {
    const [first = Number.NaN, ...rest] = columns.map((column) => column.get(what) ?? Number.NaN);
    return [what, first.toFixed(0), ...rest.map((time) => (time / first).toFixed(2))];
  });
  const lines = [[name, ...head], ['', ...head].map(() => '---'), ...rows];
  process.stdout.write(`${lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n\n`);
}

const [engine, ...numbers] = process.argv.slice(2);
const sizes = numbers.length > 0 ? numbers.map(Number) : DEFAULT_SIZES;
const isSqlite = engine === undefined || engine === 'SQLite';
const isRedis = engine === undefined || engine === 'Redis';
if (!(isSqlite || isRedis) || sizes.some((size) => !Number.isInteger(size) || size < KEYS_PER_OWNER * 10)) {
  process.stderr.write('usage: node bench/micro/listing.ts [SQLite|Redis] [number of keys, 1000 or more ...]\n');
  process.exit(2);
}
if (isSqlite) await run('SQLite', fillSqlite, sizes);
if (isRedis) await run('Redis', fillRedis, sizes);
