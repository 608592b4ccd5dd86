import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate as turn } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { DAY_MS, HOUR_MS, type Lease, type Limits } from '../../src/core/limits.ts';
import type { Store } from '../../src/core/ports.ts';
import type { UsageBatch } from '../../src/core/usage.ts';
import { storeError as mapped } from '../../src/stores/sqlite/errors.ts';
import { openSqliteStore } from '../../src/stores/sqlite/index.ts';
import { newRecord, storeError } from '../conformance/harness.ts';

const LIMITS: Limits = { perHour: 10, perDay: 30, burst: 1_000 };
const PLENTY: Limits = { perHour: 1_000_000, perDay: 10_000_000, burst: 1_000_000 };

/** A store in a folder of its own, on a clock that the test turns, and another process's view of its files. */
async function setUp(t: Test, timeoutMs = 10_000): Promise<Fixture> {
  const path = join(t.testdir(), 'keys.db');
  const clock = { time: 20_000 * DAY_MS + HOUR_MS, now: () => clock.time };
  const store = await openSqliteStore({ path, timeoutMs, clock });
  const main = new DatabaseSync(path, { timeout: 10_000 });
  const limits = new DatabaseSync(`${path}-limits`, { timeout: 10_000 });
  const usage = new DatabaseSync(`${path}-usage`, { timeout: 10_000 });
  t.teardown(async () => {
    main.close();
    limits.close();
    usage.close();
    await store.close();
  });
  return { path, store, clock, main, limits, usage };
}

interface Fixture {
  readonly path: string;
  readonly store: Store;
  readonly clock: { time: number; now(): number };
  readonly main: DatabaseSync;
  readonly limits: DatabaseSync;
  readonly usage: DatabaseSync;
}

/** The same, on files that another instance counts in too: every lease is a transaction. */
async function setUpShared(t: Test): Promise<Fixture> {
  const fixture = await setUp(t);
  const other = await openSqliteStore({ path: fixture.path, timeoutMs: 10_000, clock: fixture.clock });
  await fixture.store.limits.lease('key_first', LIMITS, 1);
  await other.limits.lease('key_first', LIMITS, 1);
  t.teardown(() => other.close());
  return fixture;
}

function open(path: string): Promise<Store> {
  return openSqliteStore({ path, timeoutMs: 100, clock: { now: () => 0 } });
}

function useOf(keyId: string, lastUsedAt: number): UsageBatch {
  return {
    writer: 'a test',
    number: 1,
    uses: [{ keyId, lastUsedAt, previousLastUsedAt: null }],
    deltas: [],
    keepFrom: 0,
  };
}

function mode(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

t.test('the files and a missing folder are made for their owner alone', async (t) => {
  const folder = join(t.testdir(), 'deep', 'data');
  const path = join(folder, 'keys.db');
  const store = await open(path);
  await store.keys.create(newRecord());
  await store.limits.lease('key_a', LIMITS, 1);
  t.equal(mode(folder), '700');
  for (const suffix of ['', '-wal', '-limits', '-limits-wal', '-usage', '-requests', '-gateways'])
    t.equal(mode(path + suffix), '600', suffix);
  await store.close();
});

t.test('what cannot be a store is refused with its path, and left as it was', async (t) => {
  const folder = t.testdir({ file: 'plain text, and more than a header of it '.repeat(10), folder: {} });
  const at = (name: string): string => join(folder, name);
  const refused = async (path: string, code: Parameters<typeof storeError>[0], why: RegExp): Promise<void> => {
    const said = await open(path).then(
      () => t.fail(`${path} was opened`),
      (error: Error) => {
        t.match(error, storeError(code));
        return error.message;
      },
    );
    t.match(said, path);
    t.match(said, why);
    t.notMatch(said, /\n/, 'one line');
  };
  await refused(at('folder'), 'STORE_UNAVAILABLE', /not a file/);
  await refused(at('file'), 'STORE_CORRUPT', /not an SQLite database/);
  t.match(readFileSync(at('file'), 'utf8'), /^plain text/);
  await t.rejects(open(at('file/keys.db')), { ...storeError('STORE_UNAVAILABLE'), message: /file.*cannot be created/ });
  await t.rejects(open('/proc/latchkey/keys.db'), {
    name: 'StoreError',
    message: /\/proc\/latchkey.*cannot be created/,
  });

  const foreign = new DatabaseSync(at('foreign.db'));
  foreign.exec('CREATE TABLE theirs (x)');
  await refused(at('foreign.db'), 'STORE_CORRUPT', /another program/);
  t.strictSame(foreign.prepare('PRAGMA journal_mode').get(), { __proto__: null, journal_mode: 'delete' });
  t.equal(foreign.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.['n'], 1);
  foreign.close();

  t.strictSame(readdirSync(folder), ['file', 'folder', 'foreign.db'], 'nothing is put beside it');

  await (await open(at('newer.db'))).close();
  const newer = new DatabaseSync(at('newer.db'));
  newer.exec('PRAGMA user_version = 99');
  newer.close();
  await refused(at('newer.db'), 'STORE_CORRUPT', /newer version: its format is 99/);

  await (await open(at('half.db'))).close();
  writeFileSync(at('half.db-limits'), 'plain text, and more than a header of it '.repeat(10));
  await t.rejects(open(at('half.db')), { ...storeError('STORE_CORRUPT'), message: /half\.db-limits/ });
});

t.test('keys and counts survive closing', async (t) => {
  const path = join(t.testdir(), 'keys.db');
  const record = newRecord();
  const first = await open(path);
  await first.keys.create(record);
  await first.usage.record(useOf(record.id, 7));
  await first.close();
  const second = await open(path);
  t.strictSame(await second.keys.findByDigest(record.secret.digest), record);
  t.match(await second.usage.read([record.id]), [{ lastUsedAt: 7 }]);
  await second.close();
});

t.test('many processes may open a new store at once', async (t) => {
  const path = join(t.testdir(), 'keys.db');
  const stores = await Promise.all(Array.from({ length: 6 }, () => open(path)));
  await Promise.all(stores.map((store) => store.ping()));
  await Promise.all(stores.map((store) => store.close()));
});

t.test('windows turn with the injected clock, to the millisecond', async (t) => {
  const { store, clock } = await setUp(t);
  const lease = async (): Promise<number> => (await store.limits.lease('key_a', LIMITS, 50)).granted;
  t.equal(await lease(), 10);
  clock.time += HOUR_MS - 1;
  t.equal(await lease(), 0);
  clock.time += 1;
  t.equal(await lease(), 10);
  clock.time -= HOUR_MS;
  t.equal(await lease(), 0, 'a clock that went back opens no window again');
  clock.time += 2 * HOUR_MS;
  t.equal(await lease(), 10);
  clock.time += HOUR_MS;
  t.equal(await lease(), 0, 'the day is spent');
  clock.time = 20_001 * DAY_MS;
  t.equal(await lease(), 10);
});

t.test('while another process writes, nothing waits in the way of the event loop', async (t) => {
  const { store, main, limits, usage } = await setUp(t);
  const record = newRecord();
  await store.keys.create(record);
  main.exec('BEGIN IMMEDIATE');
  limits.exec('BEGIN IMMEDIATE');
  usage.exec('BEGIN IMMEDIATE');
  const done: string[] = [];
  const work = [
    Promise.resolve(store.limits.lease('key_a', LIMITS, 1)).then(() => done.push('lease')),
    store.keys.create(newRecord()).then(() => done.push('create')),
    store.usage.record(useOf('key_a', 1)).then(() => done.push('usage')),
  ];
  for (let i = 0; i < 100; i++) await turn();
  t.strictSame(done, [], 'they wait');
  t.strictSame(store.keys.findByDigest(record.secret.digest), record, 'keys are read meanwhile');
  main.exec('COMMIT');
  limits.exec('COMMIT');
  usage.exec('COMMIT');
  await Promise.all(work);
  t.equal(done.length, 3, 'and go on when the other is done');
});

t.test('a lock that is never given back is a store that is unavailable, and nothing was done', async (t) => {
  const { store, main, limits, usage } = await setUp(t, 50);
  const record = newRecord();
  main.exec('BEGIN IMMEDIATE');
  limits.exec('BEGIN IMMEDIATE');
  usage.exec('BEGIN IMMEDIATE');
  const unavailable = storeError('STORE_UNAVAILABLE');
  await Promise.all([
    ...Array.from({ length: 20 }, () => t.rejects(async () => store.limits.lease('key_a', LIMITS, 1), unavailable)),
    t.rejects(store.keys.create(record), unavailable),
    t.rejects(store.usage.record(useOf('key_a', 1)), unavailable),
  ]);
  main.exec('COMMIT');
  limits.exec('COMMIT');
  usage.exec('COMMIT');
  t.equal((await store.limits.lease('key_a', LIMITS, 50)).granted, 10, 'no admission was spent');
  t.equal(await store.keys.get(record.id), null);
  await t.resolves(store.keys.create(record));
});

t.test('leases of one turn stand or fall together', async (t) => {
  const { store, limits } = await setUpShared(t);
  limits.exec(`CREATE TRIGGER broken BEFORE INSERT ON limits WHEN new.key_id = 'key_bad'
    BEGIN SELECT raise(ABORT, 'broken'); END`);
  const outcomes = await Promise.allSettled(
    ['key_a', 'key_bad', 'key_b'].map(async (id) => store.limits.lease(id, LIMITS, 10)),
  );
  t.strictSame(
    outcomes.map((outcome) => outcome.status),
    ['rejected', 'rejected', 'rejected'],
  );
  for (const id of ['key_a', 'key_b']) {
    t.equal((await store.limits.lease(id, LIMITS, 10)).granted, 10, 'nothing of it was taken');
  }
});

t.test('leases that wait are bounded', async (t) => {
  const { store } = await setUpShared(t);
  const work = Array.from({ length: 10_050 }, () => Promise.resolve(store.limits.lease('key_a', PLENTY, 1)));
  const outcomes = await Promise.allSettled(work);
  const granted = outcomes.filter((outcome) => outcome.status === 'fulfilled').length;
  t.equal(granted, 10_000);
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') t.match(outcome.reason, storeError('STORE_UNAVAILABLE'));
  }
  const left = (await store.limits.lease('key_a', PLENTY, 1)).hourRemaining;
  t.equal(left, PLENTY.perHour - granted - 1, 'and those refused cost nothing');
});

t.test('closing waits for the leases that are under way', async (t) => {
  const path = join(t.testdir(), 'keys.db');
  const store = await open(path);
  const lease: Promise<Lease> = Promise.resolve(store.limits.lease('key_a', LIMITS, 3));
  await store.close();
  t.equal((await lease).granted, 3);
});

t.test('rows of keys that went quiet are pruned, and no others', async (t) => {
  const { store, clock, limits } = await setUpShared(t);
  const quiet = Array.from({ length: 1_200 }, (_, i) => `key_${i}`);
  await Promise.all(quiet.map(async (id) => store.limits.lease(id, LIMITS, 5)));
  clock.time += 2 * DAY_MS;
  await store.limits.lease('key_later', LIMITS, 5);
  clock.time += 2 * DAY_MS;
  // Each lease that is waited for is a transaction, and every 256th of them prunes 500 rows.
  for (let i = 0; i < 256 * 4; i++) await store.limits.lease('key_busy', PLENTY, 1);
  const left = limits.prepare('SELECT key_id FROM limits ORDER BY key_id').all();
  t.strictSame(
    left.map((row) => row['key_id']),
    ['key_busy', 'key_later'],
  );
});

t.test('what SQLite reports is told apart by its code', async (t) => {
  const { main } = await setUp(t);
  const failure = (sql: string): unknown => {
    try {
      main.exec(sql);
    } catch (error) {
      return mapped(error, '/some/file');
    }
    throw new Error('it did not fail');
  };
  main.exec('CREATE TABLE big (x)');
  main.exec('PRAGMA max_page_count = 1');
  const full = failure('INSERT INTO big VALUES (zeroblob(1000000))');
  t.match(full, {
    ...storeError('STORE_READ_ONLY'),
    message: 'The store /some/file cannot be written: the disk is full',
  });
  main.exec('PRAGMA query_only = ON');
  t.match(failure('INSERT INTO big VALUES (1)'), storeError('STORE_READ_ONLY'));
  const bug = new TypeError('ours');
  t.equal(mapped(bug, '/some/file'), bug, 'a mistake of ours is not the store');
});
