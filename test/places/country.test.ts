import { join } from 'node:path';
import t, { type Test } from 'tap';
import { PlacesError } from '../../src/core/places.ts';
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
