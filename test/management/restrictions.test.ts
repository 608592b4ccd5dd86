/** Restrictions and what is in shadow, as callers of the API meet them. */
import t from 'tap';
import { keyRecord } from '../support/keys.ts';
import { administer } from '../support/management.ts';
import { type ProblemBody, problem } from './fixture.ts';
import { type Served, serveManagement } from './gateway.ts';

const RESTRICTED = {
  ip_restrictions: ['192.168.1.0/24', '2001:db8::/32'],
  country_restrictions: ['NL', 'BE'],
  block_tor: true,
  time_restrictions: { timezone: 'Europe/Amsterdam', allowed_hours: ['09:00-17:00'], allowed_days: ['monday'] },
  user_agent_restrictions: ['acme-sync/*', 'Mozilla/5.0 (X11; *'],
  shadow: ['ip', 'limits'],
};

/** Sends a body to an endpoint. */
async function send({ url, token }: Served, method: string, path: string, body: unknown): Promise<Response> {
  const headers = { authorization: `Bearer ${await token()}`, 'content-type': 'application/json' };
  return fetch(url + path, { method, headers, body: JSON.stringify(body) });
}

/** The faults in a problem, as `pointer: detail`. */
function pointed({ errors }: ProblemBody): string[] {
  return (errors ?? []).map(({ pointer, detail }) => `${pointer}: ${detail}`);
}

t.test('every restriction is given, answered, changed one by one, and taken away', async (t) => {
  const served = await serveManagement(t);
  const client = await served.remote();
  const { id, ...made } = await client.createKey({ name: 'x', type: 'service', ...RESTRICTED });
  t.match(made, RESTRICTED);
  const changed = await client.updateKey(id, { user_agent_restrictions: ['acme-sync/2*'], shadow: ['time'] });
  t.match(changed, { ...RESTRICTED, user_agent_restrictions: ['acme-sync/2*'], shadow: ['time'] });
  const none = {
    ip_restrictions: [],
    country_restrictions: [],
    block_tor: false,
    time_restrictions: null,
    user_agent_restrictions: [],
    shadow: [],
  };
  t.match(await client.updateKey(id, none), none);
  t.match(await client.getKey(id), none);
  t.strictSame((await served.store.keys.get(id))?.restrictions, {});
});

const TIME = RESTRICTED.time_restrictions;

/** By what is sent, the fault that it is refused with. */
const WRONG: readonly [body: object, faults: RegExp[]][] = [
  [
    { ip_restrictions: ['::1', '10.0.0.0/33'] },
    [/^\/ip_restrictions\/1: "10\.0\.0\.0\/33" has the prefix length "33"; expected 0 to 32$/],
  ],
  [{ ip_restrictions: '10.0.0.0/8' }, [/^\/ip_restrictions: is a text; expected a list$/]],
  [{ ip_restrictions: [10] }, [/^\/ip_restrictions\/0: is 10; expected a text$/]],
  [
    { ip_restrictions: Array.from({ length: 10_001 }, () => '::1') },
    [/^\/ip_restrictions: has 10001 entries; expected at most 10000/],
  ],
  [
    { country_restrictions: ['NL', 'XX', 'nl', 'UK'] },
    [
      /^\/country_restrictions\/1: "XX" is not the code of a country; expected ISO 3166-1 alpha-2/,
      /^\/country_restrictions\/2: "nl" .*did you mean "NL"\?$/,
      /^\/country_restrictions\/3: "UK" .*did you mean "GB"\?$/,
    ],
  ],
  [{ country_restrictions: { NL: true } }, [/^\/country_restrictions: is an object; expected a list$/]],
  [
    { country_restrictions: Array.from({ length: 250 }, () => 'NL') },
    [/^\/country_restrictions: has 250 entries; expected at most 249/],
  ],
  [{ block_tor: 'yes' }, [/^\/block_tor: is a text; expected true or false$/]],
  [{ block_tor: null }, [/^\/block_tor: is null; expected true or false$/]],
  [
    { time_restrictions: { ...TIME, allowed_hours: ['08:00-25:00'] } },
    [/^\/time_restrictions\/allowed_hours\/0: "08:00-25:00" is not a window/],
  ],
  [
    { time_restrictions: { ...TIME, timezone: 'Mars/Olympus_Mons' } },
    [/^\/time_restrictions\/timezone: "Mars\/Olympus_Mons" is not a time zone/],
  ],
  [
    { time_restrictions: { ...TIME, allowed_days: ['monday', 'funday'] } },
    [/^\/time_restrictions\/allowed_days\/1: "funday" is not a day/],
  ],
  [
    { time_restrictions: { allowed_hours: ['09:00-17:00'] } },
    [/^\/time_restrictions\/timezone: is missing; expected a text$/],
  ],
  [
    { time_restrictions: { ...TIME, allowed_hour: [] } },
    [/^\/time_restrictions\/allowed_hour: is unknown; did you mean "allowed_hours"\?$/],
  ],
  [{ time_restrictions: { timezone: 'UTC' } }, [/^\/time_restrictions: neither allowed_hours nor allowed_days/]],
  [{ time_restrictions: ['09:00-17:00'] }, [/^\/time_restrictions: is a list; expected an object/]],
  [
    { time_restrictions: { ...TIME, allowed_hours: Array.from({ length: 49 }, () => '09:00-17:00') } },
    [/^\/time_restrictions\/allowed_hours: has 49 entries; expected at most 48/],
  ],
  [{ user_agent_restrictions: ['a', '*'] }, [/^\/user_agent_restrictions\/1: "\*" is not a pattern/]],
  [{ user_agent_restrictions: 'a' }, [/^\/user_agent_restrictions: is a text; expected a list$/]],
  [
    { user_agent_restrictions: Array.from({ length: 21 }, () => 'a') },
    [/^\/user_agent_restrictions: has 21 entries; expected at most 20/],
  ],
  [
    { user_agent_restriction: [] },
    [/^\/user_agent_restriction: is unknown; did you mean "user_agent_restrictions"\?$/],
  ],
  [{ shadow: ['ip', 'times'] }, [/^\/shadow\/1: "times" is not known; did you mean "time"\?$/]],
  [{ shadow: 'ip' }, [/^\/shadow: is a text; expected a list$/]],
  [{ shadow: ['ip_restrictions'] }, [/^\/shadow\/0: "ip_restrictions" is not known/]],
];

t.test('what is wrong is pointed at, when a key is made and when it is changed, and nothing is written', async (t) => {
  const served = await serveManagement(t);
  const { id } = await served.admin.createKey({ name: 'x', ...RESTRICTED });
  const before = await served.store.keys.get(id);
  for (const [body, faults] of WRONG) {
    const made = await send(served, 'POST', '/api-keys', { name: 'y', ...body });
    const changed = await send(served, 'PUT', `/api-keys/${id}`, body);
    for (const answer of [made, changed]) {
      t.equal(answer.status, 422);
      const found = pointed(await problem(answer));
      t.match(found, faults, JSON.stringify(body).slice(0, 100));
      t.equal(found.length, faults.length);
    }
  }
  t.strictSame(await served.store.keys.get(id), before);
  t.equal((await served.admin.listKeys({})).keys.length, 1);
});

t.test('an entry that is sent twice is kept once, and a fault names the place where it was sent', async (t) => {
  const served = await serveManagement(t);
  const client = await served.remote();
  const hours = ['09:00-10:00', '09:00-10:00', '12:00-13:00'];
  const { id, ...made } = await client.createKey({
    name: 'x',
    country_restrictions: ['NL', 'NL'],
    time_restrictions: { timezone: 'UTC', allowed_hours: hours, allowed_days: ['Monday', 'monday'] },
  });
  const stored = { country_restrictions: ['NL'], user_agent_restrictions: [] };
  const time = { timezone: 'UTC', allowed_hours: ['09:00-10:00', '12:00-13:00'], allowed_days: ['monday'] };
  t.match(made, { ...stored, time_restrictions: time });
  t.strictSame(made.country_restrictions, ['NL']);
  t.strictSame(made.time_restrictions, time);
  const { user_agent_restrictions } = await client.updateKey(id, { user_agent_restrictions: ['a*', 'b', 'a*'] });
  t.strictSame(user_agent_restrictions, ['a*', 'b']);
  const wrong = await send(served, 'PUT', `/api-keys/${id}`, { country_restrictions: ['NL', 'NL', 'XX'] });
  t.match(pointed(await problem(wrong)), [/^\/country_restrictions\/2: "XX"/]);
});

t.test('a warning tells what is refused from what would be', async (t) => {
  const without = await administer(t);
  const { id, warnings } = await without.admin.createKey({
    name: 'x',
    permissions: ['*'],
    country_restrictions: ['NL'],
    shadow: ['country'],
  });
  t.match(warnings, [/^country_restrictions: .* would be refused if it were not in shadow$/]);
  t.match((await without.admin.updateKey(id, { shadow: [] })).warnings, [/every request with this key is refused$/]);
});

t.test('whoever looks after its own keys may try out restrictions, and no limits', async (t) => {
  const { as, admin } = await administer(t);
  const ann = as('ann');
  const forbidden = { code: 'forbidden', errors: [{ pointer: '/shadow' }] };
  await t.rejects(ann.createKey({ name: 'x', shadow: ['limits'] }), forbidden);
  const { id } = await ann.createKey({ name: 'x', ip_restrictions: ['192.0.2.1'], shadow: ['ip', 'time'] });
  await t.rejects(ann.updateKey(id, { shadow: ['ip', 'limits'] }), forbidden);
  t.match(await ann.getKey(id), { shadow: ['ip', 'time'] });
  t.match(await admin.updateKey(id, { shadow: ['limits'] }), { shadow: ['limits'] });
  t.match(await ann.updateKey(id, { name: 'y' }), { name: 'y', shadow: ['limits'] }, 'what an administrator did stays');
  t.match(await ann.updateKey(id, { shadow: [] }), { shadow: [] });
  await t.rejects(ann.updateKey(id, { shadow: ['limits'] }), forbidden, 'and is not to be had again');
});

t.test('a key with a restriction that cannot be read is shown as it is, beside the others', async (t) => {
  const { admin, remote, store } = await serveManagement(t);
  const { id: good } = await admin.createKey({ name: 'good' });
  const restrictions = { ip_restrictions: 'x', time_restrictions: { ...TIME, until: 1 }, device_restrictions: ['y'] };
  const bad = keyRecord({ name: 'bad', restrictions });
  await store.keys.create(bad);
  const client = await remote();
  const { ip_restrictions, time_restrictions } = restrictions;
  for (const each of [admin, client]) {
    t.match(await each.getKey(bad.id), { ip_restrictions, time_restrictions, block_tor: false });
    t.match(
      (await each.listKeys({ sort: 'name' })).keys.map(({ id }) => id),
      [bad.id, good],
    );
    const { warnings } = await each.updateKey(bad.id, { description: 'x' });
    t.strictSame(
      warnings,
      ['device_restrictions', 'ip_restrictions', 'time_restrictions'].map(
        (field) => `${field}: cannot be read by this version, so every request with this key is refused`,
      ),
    );
  }
  t.strictSame((await store.keys.get(bad.id))?.restrictions, restrictions);
  await t.rejects(admin.updateKey(bad.id, { block_tor: true }), {
    name: 'KeyError',
    faults: [{ field: 'ip_restrictions' }, { field: 'time_restrictions' }, { field: 'device_restrictions' }],
  });
});
