import { join } from 'node:path';
import t, { type Test } from 'tap';
import { PlacesError } from '../../src/core/places.ts';
import { parseCountries } from '../../src/places/country.ts';
import { openPlaces } from '../../src/places/index.ts';
import { type MmdbOptions, mmdb, type Network } from '../support/mmdb.ts';
import { fileWith, stage } from './fixture.ts';

function file(t: Test, content: Buffer | string): string {
  return fileWith(t, 'country.mmdb', content);
}

function open(countryDatabase: string | null) {
  return openPlaces({ countryDatabase, torList: null }, stage().options);
}

async function countries(t: Test, networks: readonly Network[], options: MmdbOptions = {}) {
  return (await open(file(t, mmdb(networks, options)))).countryOf;
}

const NL = { country: { iso_code: 'NL' } };
const DE = { country: { iso_code: 'DE' } };

t.test('the country of an address is that of its network', async (t) => {
  const countryOf = await countries(t, [
    ['203.0.113.0/24', NL],
    ['198.51.100.128/25', DE],
    ['2001:db8::/32', DE],
  ]);
  const known: [string, string | null][] = [
    ['203.0.113.0', 'NL'],
    ['203.0.113.255', 'NL'],
    ['203.0.114.0', null],
    ['198.51.100.128', 'DE'],
    ['198.51.100.127', null],
    ['2001:db8:ffff::1', 'DE'],
    ['2001:db9::1', null],
    ['127.0.0.1', null],
    ['::1', null],
  ];
  for (const [address, country] of known) {
    t.equal(countryOf(address), country, address);
    t.equal(countryOf(address), country, `${address} again`);
  }
});

t.test('an IPv4 address is the same however it is wrapped', async (t) => {
  const countryOf = await countries(t, [['203.0.113.0/24', NL]]);
  for (const address of [
    '::ffff:203.0.113.7',
    '::FFFF:cb00:7107',
    '64:ff9b::203.0.113.7',
    '2002:cb00:7107::1',
    '::203.0.113.7',
    '0:0:0:0:0:ffff:cb00:7107',
  ]) {
    t.equal(countryOf(address), 'NL', address);
  }
});

t.test('what is no address is in no country', async (t) => {
  const countryOf = await countries(t, [['0.0.0.0/1', NL]]);
  for (const text of ['', '1', '0x7f.1', '10.0.0.1:80', '[::ffff:10.0.0.1]', 'localhost', '10.0.0']) {
    t.equal(countryOf(text), null, JSON.stringify(text));
  }
  t.equal(countryOf('10.0.0.1'), 'NL');
});

t.test('each shape in which such databases are published is understood', async (t) => {
  const countryOf = await countries(t, [
    ['10.0.0.0/8', { country: { iso_code: 'NL' }, registered_country: { iso_code: 'US' } }],
    ['11.0.0.0/8', { registered_country: { iso_code: 'BE' } }],
    ['12.0.0.0/8', { country_code: 'de' }],
    ['13.0.0.0/8', { country: 'FR', country_name: 'France' }],
    ['14.0.0.0/8', { country: 'Germany', country_code: 'DE' }],
    ['15.0.0.0/8', { continent: { code: 'EU' } }],
    ['16.0.0.0/8', { country_code: '' }],
    ['17.0.0.0/8', { country: { iso_code: 'XK' }, registered_country: { iso_code: 'RS' } }],
    ['18.0.0.0/8', 'NL'],
  ]);
  t.strictSame(
    [10, 11, 12, 13, 14, 15, 16, 17, 18].map((first) => countryOf(`${first}.0.0.1`)),
    ['NL', 'BE', 'DE', 'FR', 'DE', null, null, null, null],
  );
});

t.test('a database of IPv4 addresses knows nothing of IPv6 ones', async (t) => {
  // The first 32 bits of this address are those of 32.1.13.184.
  const countryOf = await countries(t, [['32.0.0.0/8', NL]], { ipVersion: 4 });
  t.equal(countryOf('32.1.13.184'), 'NL');
  t.equal(countryOf('::ffff:32.1.13.184'), 'NL');
  t.equal(countryOf('2001:db8::1'), null);
});

t.test('a database of IPv6 addresses alone serves too', async (t) => {
  const countryOf = await countries(t, [['2001:db8::/32', NL]]);
  t.equal(countryOf('2001:db8::1'), 'NL');
  t.equal(countryOf('203.0.113.7'), null);
});

t.test('without a database no country is known', async (t) => {
  const places = await open(null);
  t.equal(places.knowsCountries, false);
  t.equal(places.countryOf('203.0.113.7'), null);
});

t.test('a file that is no such database is refused, and the error names the setting', async (t) => {
  const whole = mmdb([['203.0.113.0/24', NL]]);
  const end = whole.indexOf('MaxMind.com');
  const refused = async (content: Buffer | string): Promise<unknown> => {
    const path = file(t, content);
    try {
      await open(path);
      return 'opened';
    } catch (error) {
      if (!(error instanceof PlacesError)) throw error;
      return [error.code, error.message.replace(path, 'FILE')];
    }
  };
  const unclear = [
    'PLACES_INVALID',
    'country.database: "FILE" cannot be understood; expected a database of countries in the MMDB format, like GeoLite2-Country.mmdb',
  ];
  t.strictSame(await refused(''), unclear, 'empty');
  t.strictSame(await refused('hello'), unclear, 'a text');
  t.strictSame(await refused(whole.subarray(0, end)), unclear, 'cut off');
  t.strictSame(await refused(whole.subarray(end - 3)), unclear, 'no tree');
  t.strictSame(await refused(Buffer.from([0x1f, 0x8b, 8, 0])), [
    'PLACES_INVALID',
    'country.database: "FILE" is compressed; unpack it with gunzip',
  ]);
  const other = mmdb([['203.0.113.0/24', { autonomous_system_number: 64_496 }]], { type: 'Test-ASN' });
  t.strictSame(await refused(other), [
    'PLACES_INVALID',
    'country.database: "FILE" knows no country; expected a database of countries in the MMDB format, like GeoLite2-Country.mmdb',
  ]);
});

t.test('a file that is not there, or a folder, is refused', async (t) => {
  const folder = t.testdir({});
  await t.rejects(open(join(folder, 'none')), {
    code: 'PLACES_UNREADABLE',
    setting: 'country.database',
    message: `country.database: "${folder}/none" cannot be read (ENOENT)`,
  });
  await t.rejects(open(folder), { message: /cannot be read \(EISDIR\)$/ });
});

t.test('a damaged entry is of no known country, and takes nothing else along', async (t) => {
  const bytes = mmdb([
    ['10.0.0.0/8', NL],
    ['11.0.0.0/8', { country_code: 'DE' }],
  ]);
  // The type of the second entry becomes one that there is not.
  bytes[bytes.indexOf('country_code') - 2] = 0x1f;
  const { countryOf } = await open(file(t, bytes));
  t.equal(countryOf('10.0.0.1'), 'NL');
  t.equal(countryOf('11.0.0.1'), null);
});

/** A map of one member, a text so long. */
function note(length: number): Buffer {
  const size = Buffer.alloc(2);
  size.writeUInt16BE(length - 285);
  const head = Buffer.concat([Buffer.from([0xe1, 0x44]), Buffer.from('note'), Buffer.from([0x5e]), size]);
  return Buffer.concat([head, Buffer.alloc(length, 'x')]);
}

/** @param to below 2048 */
function pointer(to: number): Buffer {
  return Buffer.from([0x20 | (to >> 8), to & 0xff]);
}

/**
 * Lists of twenty, each of which leads to the one before: whoever reads the last one reads 20^levels values.
 *
 * @param from where they are put
 */
function unfolding(levels: number, from: number): { readonly lists: Buffer; readonly last: number } {
  const list = (elements: Buffer): Buffer => Buffer.concat([Buffer.from([0x14, 0x04]), Buffer.alloc(40, elements)]);
  const all = [list(Buffer.from([0x00, 0x07]))];
  for (let i = 1; i < levels; i++) all.push(list(pointer(from + 42 * (i - 1))));
  return { lists: Buffer.concat(all), last: from + 42 * (levels - 1) };
}

t.test('an entry that takes more than one about a place does is of no known country', async (t) => {
  const { lists, last } = unfolding(8, 0);
  const countryOf = await countries(t, [
    ['10.0.0.0/8', lists],
    // It leads to itself.
    ['11.0.0.0/8', { ...NL, more: pointer(lists.length) }],
    ['12.0.0.0/8', { ...NL, more: pointer(last) }],
    ['13.0.0.0/8', { ...NL, more: note(20_000) }],
    ['14.0.0.0/8', { ...NL, more: note(40_000) }],
    ['15.0.0.0/8', { ...NL, more: note(20_000), further: note(20_000) }],
    ['16.0.0.0/8', DE],
  ]);
  t.strictSame(
    [10, 11, 12, 13, 14, 15, 16].map((first) => countryOf(`${first}.0.0.1`)),
    [null, null, null, 'NL', null, null, 'DE'],
  );
});

t.test('a description that takes more than one does is refused at once', async (t) => {
  const whole = mmdb([['203.0.113.0/24', NL]]);
  const at = whole.indexOf('MaxMind.com') + 'MaxMind.com'.length;
  const members = Buffer.concat([whole.subarray(at + 1), Buffer.from([0x44]), Buffer.from('more')]);
  const { lists, last } = unfolding(12, 1 + members.length + 2);
  const map = Buffer.concat([Buffer.from([0xe8]), members, pointer(last), lists]);
  await t.rejects(open(file(t, Buffer.concat([whole.subarray(0, at), map]))), { message: /cannot be understood/ });
  const one = Buffer.concat([Buffer.from([0xe8]), members, pointer(last - 42 * 11), lists]);
  t.equal((await open(file(t, Buffer.concat([whole.subarray(0, at), one])))).countryOf('203.0.113.7'), 'NL');
});

t.test('requests are served while a database is searched for countries', async (t) => {
  const networks = Array.from({ length: 2_000 }, (_, i): Network => [`10.${i >> 8}.${i & 255}.0/24`, { number: i }]);
  const bytes = mmdb(networks, { ipVersion: 4 });
  let turns = 0;
  const turn = (): void => {
    turns++;
    next = setImmediate(turn);
  };
  let next = setImmediate(turn);
  await t.rejects(parseCountries('some.mmdb', { bytes, fingerprint: '', writtenAt: 0 }), {
    message: /knows no country/,
  });
  clearImmediate(next);
  t.ok(turns >= 90, `${turns} turns`);
});
