import { join } from 'node:path';
import t from 'tap';
import { openPlaces } from '../../src/places/index.ts';
import { parseTorList } from '../../src/places/tor-list.ts';
import { stage } from './fixture.ts';

const folder = t.testdir({
  plain: '# exits\n192.0.2.1\r\n  192.0.2.2  # a comment\n\n2001:db8::7\n::ffff:192.0.2.9\n',
  tordnsel: [
    '@type tordnsel 1.0',
    'Downloaded 2026-11-23 12:02:00',
    'ExitNode 0011BD2485AD45D984EC4159C88FC066E5E3300E',
    'Published 2026-11-23 06:47:13',
    'LastStatus 2026-11-23 11:00:00',
    'ExitAddress 192.0.2.30 2026-11-23 11:13:14',
    'ExitAddress 192.0.2.31 2026-11-23 11:14:14',
    '',
  ].join('\n'),
  page: '192.0.2.1\n<html>Too many requests</html>\n',
  block: '192.0.2.0/24\n',
  odd: '\n192.0.2.1\n192.0.2.01\n',
  short: 'ExitAddress\n',
  empty: '# nothing\n\n',
  long: '192.0.2.1\n'.repeat(900_000),
  gaps: '\n'.repeat(400_001),
  twice: '::1\n'.repeat(400_001),
  remarks: '#\n'.repeat(400_001),
  most: `${'\n'.repeat(399_999)}192.0.2.1\n`,
  mark: '\ufeff192.0.2.1',
});

function open(name: string) {
  const torList = { kind: 'file', path: join(folder, name) } as const;
  return openPlaces({ countryDatabase: null, torList }, stage().options);
}

t.test('an address on the list is an exit, any other is none', async (t) => {
  const { isTorExit, knowsTor } = await open('plain');
  t.equal(knowsTor, true);
  for (const address of ['192.0.2.1', '192.0.2.2', '2001:db8::7', '192.0.2.9', '::ffff:192.0.2.1', '2001:0DB8::0007']) {
    t.equal(isTorExit(address), true, address);
    t.equal(isTorExit(address), true, `${address} again`);
  }
  for (const address of ['192.0.2.3', '192.0.2.0', '2001:db8::8', '::7']) t.equal(isTorExit(address), false, address);
});

t.test('the list that the Tor Project publishes is read', async (t) => {
  const { isTorExit } = await open('tordnsel');
  t.strictSame(['192.0.2.30', '192.0.2.31', '192.0.2.32'].map(isTorExit), [true, true, false]);
});

t.test('a list may have many lines, and begin with a byte order mark', async (t) => {
  for (const name of ['most', 'mark']) t.equal((await open(name)).isTorExit('192.0.2.1'), true, name);
});

t.test('requests are served while a long list is read', async (t) => {
  let turns = 0;
  const turn = (): void => {
    turns++;
    next = setImmediate(turn);
  };
  let next = setImmediate(turn);
  await parseTorList(Buffer.from('192.0.2.1\n'.repeat(200_000)), null);
  clearImmediate(next);
  t.ok(turns >= 30, `${turns} turns`);
});

t.test('of a text that is no address nothing is known', async (t) => {
  const { isTorExit } = await open('plain');
  for (const text of ['', '192.0.2.1:80', 'unknown', '192.0.2']) t.equal(isTorExit(text), null, JSON.stringify(text));
});

t.test('without a list nothing is known', async (t) => {
  const { isTorExit, knowsTor } = await openPlaces({ countryDatabase: null, torList: null }, stage().options);
  t.equal(knowsTor, false);
  t.equal(isTorExit('192.0.2.1'), null);
});

t.test('a file that is no such list is refused, and the error names the setting and the line', async (t) => {
  const refused: [string, string][] = [
    ['page', 'line 2: "<html>Too many requests</html>" is not an address; expected one like 192.0.2.1'],
    ['block', 'line 1: "192.0.2.0/24" is not an address; expected one like 192.0.2.1'],
    ['odd', 'line 3: "192.0.2.01" is not an address; expected one like 192.0.2.1'],
    ['short', 'line 1: "ExitAddress" is not an address; expected one like 192.0.2.1'],
    ['empty', 'has no address; expected one on each line'],
    ['long', 'is too long; expected at most 8MiB'],
    ['gaps', 'has too many lines; expected at most 400000'],
    ['twice', 'has too many lines; expected at most 400000'],
    ['remarks', 'has too many lines; expected at most 400000'],
  ];
  for (const [name, problem] of refused) {
    await t.rejects(open(name), {
      code: 'PLACES_INVALID',
      setting: 'tor.list_file',
      message: `tor.list_file: ${JSON.stringify(join(folder, name))} ${problem}`,
    });
  }
  await t.rejects(open('none'), {
    code: 'PLACES_UNREADABLE',
    message: `tor.list_file: ${JSON.stringify(join(folder, 'none'))} cannot be read (ENOENT)`,
  });
});
