import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { readPlacesFile } from '../../src/places/file.ts';
import { openPlaces } from '../../src/places/index.ts';
import { isWholeTree, recordReader } from '../../src/places/mmdb-tree.ts';
import { SETTLE_MS } from '../../src/places/watched-file.ts';
import { mmdb, type Network } from '../support/mmdb.ts';
import { fileWith, look, MountedFolder, replaceFile, settle, stage } from './fixture.ts';

// What is watched does not keep a process alive; waiting for an event must.
const alive = setInterval(() => undefined, 60_000);
t.teardown(() => clearInterval(alive));

const ADDRESS = '203.0.113.7';

/** A database in which that address is in this country; more networks make it longer. */
function database(code: string, more: readonly Network[] = []): Buffer {
  return mmdb([['203.0.113.0/24', { country: { iso_code: code } }], ...more]);
}

async function watching(t: Test, path: string) {
  const on = stage();
  const places = await openPlaces({ countryDatabase: path, torList: null }, on.options);
  places.start();
  t.teardown(() => places.stop());
  // Nothing is new.
  await settle(on);
  t.strictSame(on.told, []);
  const country = (): string | null => places.countryOf(ADDRESS);
  const updates = () => places.status().country?.updates;
  return { on, places, country, updates };
}

t.test(
  'a file that is replaced serves when two looks saw the same, also for addresses asked about before',
  async (t) => {
    const path = fileWith(t, 'c.mmdb', database('NL'));
    const { on, places, country, updates } = await watching(t, path);
    t.equal(country(), 'NL');
    replaceFile(path, mmdb([['203.0.113.0/24', { country: { iso_code: 'DE' } }]], { buildEpoch: 1_795_000_000 }));
    await look(on);
    t.equal(country(), 'NL', 'it may be half written');
    await look(on);
    t.equal(country(), 'DE');
    t.strictSame(on.told, ['updated: country.database: built on 2026-11-18']);
    t.strictSame(updates(), { success: 1, unchanged: 0, failure: 0 });
    t.equal(places.status().country?.loaded?.at, 1_795_000_000_000);
  },
);

t.test('a file that is there again, or was only touched, changes nothing', async (t) => {
  const path = fileWith(t, 'c.mmdb', database('NL'));
  const { on, country, updates } = await watching(t, path);
  utimesSync(path, 1, 1);
  await settle(on);
  t.strictSame(updates(), { success: 0, unchanged: 1, failure: 0 });
  replaceFile(path, database('NL'));
  await settle(on);
  t.strictSame(updates(), { success: 0, unchanged: 2, failure: 0 });
  t.strictSame([country(), on.told], ['NL', []]);
});

t.test('an event in the folder is enough, no look in turn is needed', async (t) => {
  const path = fileWith(t, 'c.mmdb', database('NL'));
  const { on, country } = await watching(t, path);
  while (on.timer.has(SETTLE_MS)) await on.timer.run(SETTLE_MS);
  replaceFile(path, database('DE'));
  await on.timer.started(SETTLE_MS);
  while (on.timer.has(SETTLE_MS)) await on.timer.run(SETTLE_MS);
  t.equal(country(), 'DE');
});

t.test('a mounted folder, whose content is behind a link that is swapped', async (t) => {
  const folder = new MountedFolder(t.testdir({}));
  const { on, country } = await watching(t, folder.publish('c.mmdb', database('NL')));
  for (const code of ['DE', 'FR']) {
    folder.publish('c.mmdb', database(code));
    await settle(on);
    t.equal(country(), code);
  }
});

t.test('a file that is written slowly is never half read, wherever it stops', async (t) => {
  const path = fileWith(t, 'c.mmdb', database('NL'));
  const { on, country, updates } = await watching(t, path);
  const next = database('DE', [
    ['198.51.100.0/24', { country: { iso_code: 'FR' } }],
    ['2001:db8::/32', { country: { iso_code: 'BE' } }],
  ]);
  const file = openSync(path, 'w');
  t.teardown(() => closeSync(file));
  // Each time it seems complete: no look sees it grow.
  for (let at = 0; at < next.length; at++) {
    if (at > 0) writeSync(file, next, at - 1, 1);
    await settle(on);
    if (country() !== 'NL') t.fail(`of ${next.length} bytes, ${at} served`);
  }
  t.equal(on.told.length, 1, 'told once');
  t.match(on.told[0], /^trouble: country.database: ".*c.mmdb" cannot be understood; expected/);
  t.equal(updates()?.failure, next.length, 'each attempt is counted');
  writeSync(file, next, next.length - 1, 1);
  await settle(on);
  t.equal(country(), 'DE');
  t.strictSame(on.told.slice(1), ['updated: country.database: built on 2026-09-21', 'recovered: country.database']);
});

t.test('a file that grows from look to look is waited for, and no trouble', async (t) => {
  const path = fileWith(t, 'c.mmdb', database('NL'));
  const { on, country } = await watching(t, path);
  const next = database('DE');
  const file = openSync(path, 'w');
  for (let at = 0; at < next.length; at += 100) {
    writeSync(file, next.subarray(at, at + 100));
    await look(on);
    t.equal(country(), 'NL');
  }
  closeSync(file);
  await look(on);
  t.equal(country(), 'DE');
  t.strictSame(on.told, ['updated: country.database: built on 2026-09-21']);
});

t.test('what cannot be used keeps the old database, is told once, and since when', async (t) => {
  const path = fileWith(t, 'c.mmdb', database('NL'));
  const { on, country, places, updates } = await watching(t, path);
  const since = on.clock.now();
  const troubles = () => places.status().country?.troubles;
  const holes = database('DE');
  holes.fill(0, 60, 90);
  const bad: [Buffer | string, RegExp][] = [
    ['', /cannot be understood/],
    ['hello', /cannot be understood/],
    [holes, /cannot be understood/],
    [Buffer.from([0x1f, 0x8b, 8, 0]), /is compressed; unpack it with gunzip/],
    [mmdb([['203.0.113.0/24', { autonomous_system_number: 64_496 }]]), /knows no country/],
  ];
  for (const [i, [content, reason]] of bad.entries()) {
    replaceFile(path, content);
    for (let again = 0; again < 3; again++) await settle(on);
    t.match(on.told.at(-1), reason);
    t.equal(country(), 'NL');
    t.equal(updates()?.failure, i + 1, 'read once');
    t.strictSame(troubles(), [{ setting: 'country.database', code: 'PLACES_INVALID', since }]);
    on.clock.advance(60_000);
  }
  t.equal(on.told.length, 3, 'each reason once');
  replaceFile(path, database('DE'));
  await settle(on);
  t.equal(country(), 'DE');
  t.strictSame(troubles(), []);
  t.equal(on.told.at(-1), 'recovered: country.database');
});

t.test('a file that is gone, or is a folder, keeps the old database', async (t) => {
  const path = fileWith(t, 'c.mmdb', database('NL'));
  const { on, country, updates } = await watching(t, path);
  renameSync(path, `${path}.away`);
  for (let again = 0; again < 3; again++) await settle(on);
  t.strictSame(on.told, [`trouble: country.database: ${JSON.stringify(path)} cannot be read (ENOENT)`]);
  t.equal(updates()?.failure, 1);
  t.equal(country(), 'NL');
  renameSync(`${path}.away`, path);
  await settle(on);
  t.equal(on.told.at(-1), 'recovered: country.database');
  rmSync(path);
  mkdirSync(path);
  await settle(on);
  t.match(on.told.at(-1), /cannot be read \(EISDIR\)$/);
  t.equal(country(), 'NL');
  rmSync(path, { recursive: true });
  writeFileSync(path, database('DE'));
  await settle(on);
  t.equal(country(), 'DE');
});

t.test('a file that may not be read keeps the old database, and serves as soon as it may be', async (t) => {
  const path = fileWith(t, 'c.mmdb', database('NL'));
  const { on, country } = await watching(t, path);
  replaceFile(path, database('DE'));
  chmodSync(path, 0);
  // Root may read everything.
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  try {
    await settle(on);
    await settle(on);
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
  t.strictSame(on.told, [`trouble: country.database: ${JSON.stringify(path)} cannot be read (EACCES)`]);
  t.equal(country(), 'NL');
  chmodSync(path, 0o600);
  await settle(on);
  t.equal(country(), 'DE');
});

/** Resolves when a change of the file would be of another moment than its last, as the file system counts them. */
async function nextMoment(path: string): Promise<void> {
  const { ctimeNs } = statSync(path, { bigint: true });
  do {
    writeFileSync(`${path}.moment`, '');
    await setImmediate();
  } while (statSync(`${path}.moment`, { bigint: true }).ctimeNs === ctimeNs);
}

t.test('a file that is overwritten while it is read is not half read', async (t) => {
  const [size, slices] = [4 * 1024 * 1024, 16];
  const path = fileWith(t, 'big', '');
  let missed = 0;
  for (let round = 0; round < 10; round++) {
    writeFileSync(path, Buffer.alloc(size, 'a'));
    const file = openSync(path, 'r+');
    await nextMoment(path);
    const state = { isOver: false };
    const reading = readPlacesFile('x', path, size).finally(() => {
      state.isOver = true;
    });
    // From the end, so that whoever reads from the beginning meets the new part.
    for (let at = slices - 1; at >= 0 && !state.isOver; at--) {
      await setImmediate();
      writeSync(file, Buffer.alloc(size / slices, 'b'), 0, size / slices, (at * size) / slices);
    }
    const read = await reading;
    closeSync(file);
    if (read === null) missed++;
    else t.ok(read.bytes.equals(Buffer.alloc(size, 'a')) || read.bytes.equals(Buffer.alloc(size, 'b')), 'of one piece');
  }
  t.ok(missed > 0, `${missed} times it was written to meanwhile`);
});

t.test('a file that is written to after it seemed to be complete is waited for', async (t) => {
  const path = fileWith(t, 'c.mmdb', database('NL'));
  const { on, country } = await watching(t, path);
  replaceFile(path, database('DE'));
  await look(on);
  const second = look(on);
  // It is read next: that finds another file than the look did.
  replaceFile(path, database('FR'));
  await second;
  t.ok(on.timer.has(SETTLE_MS));
  await settle(on);
  t.equal(country(), 'FR');
  t.equal(on.told.length, 1);
});

t.test('a folder that is away for a while takes nothing along', async (t) => {
  const at = t.testdir({ mount: {} });
  const path = join(at, 'mount/c.mmdb');
  writeFileSync(path, database('NL'));
  const { on, country, updates } = await watching(t, path);
  renameSync(join(at, 'mount'), join(at, 'away'));
  await settle(on);
  t.match(on.told, [/ENOENT/]);
  renameSync(join(at, 'away'), join(at, 'mount'));
  await settle(on);
  t.equal(on.told.at(-1), 'recovered: country.database');
  t.strictSame([country(), updates()], ['NL', { success: 0, unchanged: 0, failure: 1 }]);
});

t.test('a file that changed between the opening and the start is taken over soon', async (t) => {
  const path = fileWith(t, 'c.mmdb', database('NL'));
  const on = stage();
  const places = await openPlaces({ countryDatabase: path, torList: null }, on.options);
  t.teardown(() => places.stop());
  replaceFile(path, database('DE'));
  places.start();
  for (let i = 0; i < 2; i++) await on.timer.run(SETTLE_MS);
  t.equal(places.countryOf(ADDRESS), 'DE');
});

t.test('after stop nothing is looked at any more', async (t) => {
  const path = fileWith(t, 'c.mmdb', database('NL'));
  const { on, country, places } = await watching(t, path);
  replaceFile(path, database('DE'));
  const underWay = look(on);
  await places.stop();
  await underWay;
  t.equal(on.timer.size, 0);
  t.equal(country(), 'NL', 'what was read serves on');
  t.strictSame(on.told, []);
});

t.test('what tells of it may fail', async (t) => {
  const path = fileWith(t, 'c.mmdb', database('NL'));
  const on = stage({
    onEvent: () => {
      throw new Error('no');
    },
  });
  const places = await openPlaces({ countryDatabase: path, torList: null }, on.options);
  places.start();
  t.teardown(() => places.stop());
  replaceFile(path, database('DE'));
  await settle(on);
  t.equal(places.countryOf(ADDRESS), 'DE');
});

t.test('every size of record is read, and a tree with a gap in it is refused', async (t) => {
  for (const recordSize of [24, 28, 32] as const) {
    const whole = mmdb([['203.0.113.0/24', { country: { iso_code: 'NL' } }]], { recordSize });
    const path = fileWith(t, 'c.mmdb', whole);
    const open = () => openPlaces({ countryDatabase: path, torList: null }, stage().options);
    t.equal((await open()).countryOf(ADDRESS), 'NL', `${recordSize}`);
    const tree = whole.indexOf(Buffer.alloc(16));
    for (let at = 0; at + 16 < tree; at += 16) {
      const holes = Buffer.from(whole);
      holes.fill(0, at, at + 16);
      writeFileSync(path, holes);
      await t.rejects(open(), { code: 'PLACES_INVALID' }, `a gap at ${at}`);
    }
  }
});

t.test('the age is that of the file where the database does not say', async (t) => {
  const path = fileWith(t, 'c.mmdb', mmdb([['203.0.113.0/24', { country: 'NL' }]], { buildEpoch: 0 }));
  const on = stage();
  const at = on.clock.now() - 3_600_000;
  utimesSync(path, at / 1000, at / 1000);
  const { status } = await openPlaces({ countryDatabase: path, torList: null }, on.options);
  t.match(status().country, { setting: 'country.database', loaded: { at, ageSeconds: 3600 } });
  on.clock.advance(-7_200_000);
  t.equal(status().country?.loaded?.ageSeconds, 0, 'a clock that was set back makes nothing younger than now');
  t.equal(status().tor, null);
});

t.test('a list of Tor is watched too, and does not shrink to half', async (t) => {
  const list = (count: number): string => Array.from({ length: count }, (_, i) => `192.0.2.${i}\n`).join('');
  const path = fileWith(t, 'tor.txt', list(200));
  const on = stage();
  const places = await openPlaces({ countryDatabase: null, torList: { kind: 'file', path } }, on.options);
  places.start();
  t.teardown(() => places.stop());
  const exits = () => places.status().tor?.loaded?.addresses;
  replaceFile(path, list(100));
  await settle(on);
  t.strictSame(on.told, [
    `trouble: tor.list_file: ${JSON.stringify(path)} has 100 addresses, of 200 before; expected more than half of them`,
  ]);
  t.equal(exits(), 200);
  replaceFile(path, list(101));
  await settle(on);
  t.equal(exits(), 101);
  t.strictSame([places.isTorExit('192.0.2.100'), places.isTorExit('192.0.2.101')], [true, false]);
  replaceFile(join(path), list(60));
  await settle(on);
  replaceFile(path, list(1));
  await settle(on);
  t.equal(exits(), 1, 'a small list changes as it likes');
});

t.test('records of a tree that lead far are read with all their bits', async (t) => {
  const isWhole = (hex: string, recordSize: number, dataFrom: number, dataTo: number): Promise<boolean> => {
    const records = recordReader(recordSize);
    if (records === null) throw new Error('no such trees');
    return isWholeTree({ bytes: Buffer.from(hex, 'hex'), nodeCount: 1, records }, dataFrom, dataTo);
  };
  const far = 0x1234567;
  for (const [recordSize, hex] of [
    [28, '23456711234567'],
    [32, '0123456701234567'],
  ] as const) {
    t.equal(await isWhole(hex, recordSize, 17, far + 1), true, `${recordSize} bits`);
    t.equal(await isWhole(hex, recordSize, 17, far), false, 'into what is behind the data');
  }
  for (const [hex, expected] of [
    ['00001010000011', true],
    ['00001110000011', false],
    ['00001101000010', true],
    ['00001101000011', false],
  ] as const) {
    t.equal(await isWhole(hex, 28, 17, 17 + 0x1000000), expected, hex);
  }
  t.equal(recordReader(16), null);
});
