import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Serving } from '../cli/serving.ts';
import { replaceFile } from '../places/fixture.ts';
import { addresses, ListServer } from '../places/list-server.ts';
import { mmdb } from '../support/mmdb.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';
import { ask, Site, until } from './site.ts';

const ADDRESS = '203.0.113.7';
const EXIT = '198.51.0.0';

function database(code: string): Buffer {
  return mmdb([['203.0.113.0/24', { country: { iso_code: code } }]]);
}

/** What /readyz says of places. */
async function readiness({ healthUrl }: Serving): Promise<{ ready: boolean; detail: string }> {
  const answer = await fetch(`${healthUrl}/readyz`);
  const { ready, conditions } = (await answer.json()) as {
    ready: boolean;
    conditions: Record<string, { detail: string }>;
  };
  return { ready, detail: conditions['places']?.detail ?? '' };
}

async function metric({ healthUrl }: Serving, sample: string): Promise<number> {
  const text = await (await fetch(`${healthUrl}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${sample} `));
  return Number(line?.slice(sample.length + 1));
}

t.test('a new country database and a fetched list serve without a restart, and bad ones change nothing', async (t) => {
  const upstream = await startRawUpstream(t);
  const exits = await ListServer.start(t);
  exits.says(addresses(1));
  const site = new Site(t, { upstream: upstream.url });
  const [file, kept] = [join(site.cwd, 'countries.mmdb'), join(site.cwd, 'exits.txt')];
  const tor = `tor: { list_url: ${JSON.stringify(exits.url)}, kept_file: ${JSON.stringify(kept)} }\n`;
  const more = `proxy: { trusted_proxies: [127.0.0.1] }\ncountry: { database: ${JSON.stringify(file)} }\n${tor}`;
  site.configure({ more });
  writeFileSync(file, database('NL'));
  const serving = await site.serve();
  const [dutch, german] = await Promise.all([site.create('--country', 'NL'), site.create('--country', 'DE')]);
  const from = async (address: string, { secret }: { secret: string }) => {
    const { status, code } = await ask(`${serving.url}/`, secret, { headers: { 'x-forwarded-for': address } });
    return code ?? status;
  };
  t.strictSame([await from(ADDRESS, dutch), await from(ADDRESS, german)], [200, 'country_blocked']);

  replaceFile(file, database('DE'));
  // All the while one of the two databases answers.
  await until(async () => {
    const answer = await from(ADDRESS, dutch);
    if (answer !== 200 && answer !== 'country_blocked') t.fail(`${answer}`);
    return answer === 'country_blocked';
  });
  t.equal(await from(ADDRESS, german), 200);
  t.equal(await metric(serving, 'latchkey_places_updates_total{source="country",result="success"}'), 1);

  replaceFile(file, database('NL').subarray(0, 300));
  const failures = 'latchkey_places_updates_total{source="country",result="failure"}';
  await until(async () => (await metric(serving, failures)) === 1);
  const { ready, detail } = await readiness(serving);
  t.equal(ready, true);
  t.match(detail, /^country.database: the database of 2026-09-21 serves; country.database is not .* since 20\d\d-/);
  t.strictSame([await from(ADDRESS, dutch), await from(ADDRESS, german)], ['country_blocked', 200]);
  await serving.until('cannot be understood; expected a database of countries');

  const careful = await site.create('--block-tor');
  await until(async () => (await metric(serving, 'latchkey_tor_list_addresses')) === 1);
  t.strictSame([await from(EXIT, careful), await from(ADDRESS, careful)], ['tor_blocked', 200]);
  exits.says('', {}, 503);
  serving.child.kill('SIGTERM');
  t.equal(await serving.ended, 0);
  replaceFile(file, database('NL'));
  const again = await site.serve();
  const answer = await ask(`${again.url}/`, careful.secret, { headers: { 'x-forwarded-for': EXIT } });
  t.equal(answer.code, 'tor_blocked', 'the kept list serves at once');
  t.match(answer.body, /may not be used over Tor\."/);
});
