import { closeSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { openStore } from '../../src/stores/open.ts';
import { ChangeWatch } from '../../src/stores/sqlite/change-watch.ts';
import { newRecord } from '../conformance/harness.ts';
import { sqlitePath } from '../support/keys.ts';
import { checkQuick, timeRevocations } from './revocations.ts';

const clock = { now: () => Date.now() };

// No watch keeps a process from ending; these tests have to wait.
const alive = setInterval(() => undefined, 1_000);
t.teardown(() => clearInterval(alive));

t.test('a key that another process revoked is refused at once', async (t) => {
  const settings = { kind: 'sqlite', path: sqlitePath(), timeoutMs: 5_000 } as const;
  checkQuick(t, await timeRevocations(t, settings, 200));
});

t.test('changes are hinted at after the write-ahead log was emptied', async (t) => {
  const path = sqlitePath();
  const settings = { kind: 'sqlite', path, timeoutMs: 5_000 } as const;
  const [mine, other] = [await openStore(settings, clock), await openStore(settings, clock)];
  t.teardown(() => Promise.all([mine.close(), other.close()]));
  let hinted = Promise.withResolvers<void>();
  t.teardown(mine.keys.watch(() => hinted.resolve()));
  for (let i = 0; i < 3; i++) {
    await other.keys.create(newRecord());
    await hinted.promise;
    hinted = Promise.withResolvers();
    const outside = new DatabaseSync(path, { timeout: 5_000 });
    t.match(outside.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get(), { busy: 0, log: 0 });
    outside.close();
  }
});

interface Watched {
  readonly file: string;
  /** Writes, and then makes a change visible, as a commit does. */
  change(): void;
  /** Resolves with the next hint. */
  hinted(): Promise<void>;
}

function watchFile(t: Test, isThere: boolean): Watched {
  const file = sqlitePath();
  const log = `${file}-wal`;
  if (isThere) writeFileSync(log, '');
  let newest = 0;
  let hinted = Promise.withResolvers<void>();
  const watch = new ChangeWatch(
    file,
    () => String(newest),
    () => hinted.resolve(),
  );
  t.teardown(() => watch.end());
  return {
    file: log,
    change: () => {
      writeFileSync(log, 'written', { flag: 'a' });
      newest++;
    },
    hinted: async () => {
      await hinted.promise;
      hinted = Promise.withResolvers();
    },
  };
}

for (const how of ['removed', 'moved away'] as const) {
  t.test(`a write-ahead log that is ${how} and made anew is watched again`, async (t) => {
    const { file, change, hinted } = watchFile(t, true);
    // Others who have it open keep a removed file alive, and with it the watch.
    const open = openSync(file, 'r');
    t.teardown(() => closeSync(open));
    change();
    await hinted();
    if (how === 'removed') rmSync(file);
    else renameSync(file, `${file}-old`);
    change();
    await hinted();
    // So long that it is not looked for any more because of what was written before.
    await delay(400);
    const changing = setInterval(change, 20);
    await hinted();
    clearInterval(changing);
    t.pass();
  });
}

t.test('a write-ahead log that comes later is found', async (t) => {
  const { change, hinted } = watchFile(t, false);
  change();
  await hinted();
  change();
  await hinted();
  t.pass();
});
