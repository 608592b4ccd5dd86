import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import type { LogBatch } from '../../src/core/request-log.ts';
import { CheckpointThread } from '../../src/stores/sqlite/checkpoints.ts';
import { openUsageFiles } from '../../src/stores/sqlite/usage-files.ts';
import { until } from './redis-fixture.ts';

// The thread keeps no process alive, so that these tests have to wait for it.
const alive = setInterval(() => undefined, 1_000);
t.teardown(() => clearInterval(alive));

const PAGE = 4_096;
const PART = 'x'.repeat(400_000);

function open(t: Test): { db: DatabaseSync; file: string } {
  const file = join(t.testdir(), 'store.db');
  const db = new DatabaseSync(file);
  t.teardown(() => db.isOpen && db.close());
  db.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; CREATE TABLE parts (id INTEGER PRIMARY KEY, part TEXT)',
  );
  return { db, file };
}

function logBytes(file: string): number {
  return statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0;
}

t.test('a thread brings a log into its file, and the log begins anew', async (t) => {
  const { db, file } = open(t);
  const thread = new CheckpointThread([file]);
  t.teardown(() => thread.close());
  const log = thread.log(db);
  const insert = db.prepare('REPLACE INTO parts (id, part) VALUES (?, ?)');
  const write = (id: number): void => {
    insert.run(id, PART);
    log.wrote(PART.length);
  };
  write(1);
  t.notOk(thread.isRunning, 'no thread for a little');
  for (let id = 2; id <= 12; id++) write(id);
  t.ok(thread.isRunning);
  // One that reads meanwhile.
  const reader = new DatabaseSync(file);
  t.teardown(() => reader.close());
  const pages = (): number => Number(reader.prepare('PRAGMA wal_checkpoint(NOOP)').get()?.['log']);
  for (let round = 0; round < 3; round++) {
    for (let id = 1; id <= 12; id++) write(id);
    t.equal(reader.prepare('SELECT count(*) AS n FROM parts').get()?.['n'], 12);
    t.ok(pages() > 1_000);
    await until(async () => {
      if (pages() < 500) return true;
      write(1);
      return false;
    });
  }
});

t.test('a log that the thread does not come to is brought in by the commit that makes it too long', async (t) => {
  const { db, file } = open(t);
  const thread = new CheckpointThread([file]);
  t.teardown(() => thread.close());
  // It is never told of anything.
  thread.log(db);
  const insert = db.prepare('REPLACE INTO parts (id, part) VALUES (?, ?)');
  for (let i = 0; i < 300; i++) insert.run(i % 4, PART);
  t.notOk(thread.isRunning);
  t.ok(logBytes(file) < 9_000 * PAGE, `${logBytes(file)} bytes of log for ${300 * PART.length} written`);
});

t.test('when the thread ends before its time, that is told, and all goes on without it', async (t) => {
  const { db, file } = open(t);
  const script = join(dirname(file), 'broken.mjs');
  writeFileSync(script, 'throw new Error("broken")');
  const thread = new CheckpointThread([file], script);
  t.teardown(() => thread.close());
  const log = thread.log(db);
  const told = once(process, 'warning');
  log.wrote(5_000_000);
  t.ok(thread.isRunning);
  t.match((await told)[0], { code: 'LATCHKEY_CHECKPOINTS' });
  t.notOk(thread.isRunning);
  const insert = db.prepare('REPLACE INTO parts (id, part) VALUES (?, ?)');
  for (let i = 0; i < 100; i++) {
    insert.run(i % 4, PART);
    log.wrote(PART.length);
  }
  t.notOk(thread.isRunning, 'it is not started again');
  t.ok(logBytes(file) < 2_000 * PAGE, `${logBytes(file)} bytes of log for ${100 * PART.length} written`);
});

t.test('what is to be written waits until a checkpoint is over, for no more than half a second', async (t) => {
  const { db, file } = open(t);
  const script = join(dirname(file), 'slow.mjs');
  // Answers the second time, and each time says that it was asked.
  writeFileSync(
    script,
    `import { parentPort } from 'node:worker_threads';
    let asked = 0;
    parentPort.on('message', (index) => ++asked > 1 && parentPort.postMessage({ index, isWhole: true }));`,
  );
  const thread = new CheckpointThread([file, file], script);
  t.teardown(() => thread.close());
  const [hung, done] = [thread.log(db), thread.log(db)];
  await Promise.all([hung.idle(), done.idle()]);
  let over = 0;
  hung.wrote(5_000_000);
  const waits = hung.idle().then(() => over++);
  done.wrote(5_000_000);
  await done.idle();
  t.equal(over, 0, 'one that is over is waited for no longer');
  await waits;
});

t.test('closing ends what waits for a checkpoint', async (t) => {
  const { db, file } = open(t);
  const thread = new CheckpointThread([file]);
  const log = thread.log(db);
  log.wrote(5_000_000);
  const waits = log.idle();
  thread.close();
  await waits;
  t.notOk(thread.isRunning);
});

t.test('closing the files ends the thread, and what was written is there', async (t) => {
  const path = join(t.testdir(), 'store.db');
  const files = await openUsageFiles(path, 10_000);
  const warnings: unknown[] = [];
  const warned = (warning: unknown): unknown => warnings.push(warning);
  process.on('warning', warned);
  t.teardown(() => process.off('warning', warned));
  const batch = (keyId: string): LogBatch => ({
    keyId,
    retentionMs: 86_400_000,
    maxEntries: 10_000,
    entries: [
      {
        keyId,
        requestId: `request of ${keyId}`,
        at: 1_793_534_400_000,
        address: '203.0.113.9',
        userAgent: null,
        method: 'GET',
        path: '/',
        route: 'GET /',
        status: 200,
        code: null,
        wouldDeny: [],
        durationUs: 1,
      },
    ],
  });
  await files.requests.append(Array.from({ length: 2_000 }, (_, i) => batch(`key_${i}`)));
  // In the middle of a checkpoint, or before or after it.
  files.close();
  const again = await openUsageFiles(path, 10_000);
  t.teardown(() => again.close());
  for (const i of [0, 999, 1_999]) t.equal((await again.requests.find(`request of key_${i}`, [`key_${i}`])).length, 1);
  t.strictSame(warnings, []);
});

t.test('a process with a thread ends when nothing else is left to do', async (t) => {
  const { file } = open(t);
  const script = `
    import { DatabaseSync } from 'node:sqlite';
    import { CheckpointThread } from ${JSON.stringify(new URL('../../src/stores/sqlite/checkpoints.ts', import.meta.url).href)};
    const thread = new CheckpointThread([${JSON.stringify(file)}]);
    thread.log(new DatabaseSync(${JSON.stringify(file)})).wrote(5_000_000);
    process.stdout.write(String(thread.isRunning));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  t.equal(String(said), 'true');
  const [code] = (await once(child, 'close')) as [number | null];
  t.equal(code, 0);
});
