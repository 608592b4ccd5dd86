import { userInfo } from 'node:os';
import t from 'tap';
import { loadConfig } from '../../src/config/load.ts';
import { isWellFormedSecret } from '../../src/keys/secret.ts';
import type { KeyAnswer, KeyList } from '../../src/management/schemas/key.ts';
import { openManagement } from '../../src/wiring/management.ts';
import { keysIn } from './keys-fixture.ts';

const DAY = 86_400_000;

/** A command line without quotes, in words. */
const words = (line: string): string[] => line.split(' ');

t.test('create makes a key as the options say and shows its secret once', async (t) => {
  const keys = keysIn(t);
  const made = await keys.json(
    ...words('create'),
    '--name',
    'CI pipeline',
    ...words('--type service --owner team-a --tier small'),
    ...words('--permission domains:write --permission domains:* --preset read_only --expires 2099-12-31'),
    ...words('--ip 192.0.2.0/24 --ip 2001:db8::1 --hours 09:00-17:00 --hours 22:00-02:00'),
    ...words('--days mon-wed --timezone Europe/Amsterdam'),
    '--description',
    'builds\nand deploys',
    ...words('--metadata team=a --metadata url=https://x/?a=b --per-hour 77 --burst 7'),
  );
  t.match(made.id, /^key_[0-9a-f]{24}$/);
  t.ok(isWellFormedSecret(made.secret));
  t.equal(made.hint, `lk_…${made.secret.slice(-4)}`);
  t.match(made, {
    name: 'CI pipeline',
    type: 'service',
    owner: 'team-a',
    status: 'active',
    tier: 'small',
    preset: 'read_only',
    permissions: ['devices:read', 'domains:*', 'domains:read', 'domains:write'],
    limits: { per_hour: 77, per_day: 100, burst: 7 },
    expires_at: '2099-12-31T00:00:00.000Z',
    ip_restrictions: ['192.0.2.0/24', '2001:db8::1'],
    time_restrictions: {
      timezone: 'Europe/Amsterdam',
      allowed_hours: ['09:00-17:00', '22:00-02:00'],
      allowed_days: ['monday', 'tuesday', 'wednesday'],
    },
    description: 'builds\nand deploys',
    metadata: { team: 'a', url: 'https://x/?a=b' },
    last_used: null,
    version: 1,
  });
  const { secret, warnings, ...view } = made;
  t.strictSame(warnings, []);
  t.strictSame(await keys.json('show', made.id), view, 'and what is shown later is the same without the secret');
  const text = (await keys.run('show', made.id)).stdout;
  t.match(text, '\nDescription   builds\\u000aand deploys\n', 'for a person, each field on its line');
  t.match(text, '\nTimes         09:00-17:00, 22:00-02:00 on monday, tuesday, wednesday, Europe/Amsterdam\n');
  const everything = JSON.stringify([await keys.all(), await keys.run('show', made.id), await keys.run('list')]);
  t.notMatch(everything, secret);
});

t.test('what create is not told comes from the type, and the owner is who runs it', async (t) => {
  const keys = keysIn(t);
  const before = Date.now();
  const made = await keys.json('create', '--name', 'laptop');
  t.equal(made.type, 'personal', 'what a key is for when nobody says');
  t.equal(made.owner, userInfo().username);
  t.equal(made.tier, 'small');
  t.strictSame(made.permissions, []);
  t.strictSame(made.ip_restrictions, []);
  t.equal(made.time_restrictions, null);
  const expires = Date.parse(made.expires_at ?? '');
  t.ok(expires >= before + 30 * DAY && expires <= Date.now() + 30 * DAY, 'after 30 days');
  t.equal((await keys.json('create', '--name', 'x', '--type', 'service')).expires_at, null, 'a service key never');
  t.equal((await keys.json('create', '--name', 'x', '--type', 'personal', '--expires', 'never')).expires_at, null);
  const utc = await keys.json('create', '--name', 'x', '--type', 'personal', '--days', 'sun');
  t.strictSame(utc.time_restrictions, { timezone: 'UTC', allowed_hours: [], allowed_days: ['sunday'] });
});

t.test('for a person, the secret alone is on standard output', async (t) => {
  const keys = keysIn(t);
  const { code, stdout, stderr } = await keys.run('create', '--name', 'laptop', '--preset', 'read_only');
  t.equal(code, 0);
  t.match(stdout, /^lk_\w{49}\n$/);
  t.match(
    stderr,
    /^Created key_[0-9a-f]{24} \(laptop\), which expires on \d{4}-\d\d-\d\d \d\d:\d\dZ\.\n.*shown once.*\n$/,
  );
  const [key] = await keys.all();
  const rotated = await keys.run('rotate', key?.id ?? '');
  t.match(rotated.stdout, /^lk_\w{49}\n$/);
  t.match(
    rotated.stderr,
    /^Rotated key_\w+\. The old secret works until .*Z; no gateway is running\.\n.*shown once.*\n$/,
  );
  const ended = await keys.run('rotate', key?.id ?? '', '--grace', '0');
  t.match(ended.stderr, /^Rotated key_\w+\. The old secret no longer works; no gateway is running\.\n/);
});

t.test('update changes what it is told and leaves the rest alone', async (t) => {
  const keys = keysIn(t);
  const {
    id,
    secret: _secret,
    warnings: _warnings,
    ...made
  } = await keys.json(
    ...words('create --name a --type service --owner o --permission domains:read --ip 192.0.2.1'),
    ...words('--hours 09:00-17:00 --timezone Europe/Amsterdam --metadata a=1 --metadata b=2 --burst 9'),
  );
  const renamed = await keys.json('update', id, '--name', 'b');
  const { updated_at: _at, ...rest } = renamed;
  t.match(rest, { ...made, updated_at: undefined, name: 'b', version: 2 });
  t.strictSame(
    (await keys.json('update', id, '--days', 'sat')).time_restrictions,
    { timezone: 'Europe/Amsterdam', allowed_hours: ['09:00-17:00'], allowed_days: ['saturday'] },
    'parts of the time one by one',
  );
  const changed = await keys.json(
    'update',
    id,
    '--ip',
    '198.51.100.0/24',
    '--permission',
    'devices:read',
    '--metadata',
    'b=3',
    '--metadata',
    'c=4',
    ...words('--per-day 11'),
  );
  t.strictSame(changed.ip_restrictions, ['198.51.100.0/24'], 'lists are replaced');
  t.strictSame(changed.permissions, ['devices:read']);
  t.strictSame(changed.metadata, { a: '1', b: '3', c: '4' }, 'metadata and limits change one by one');
  t.strictSame(changed.limits, { per_hour: 1000, per_day: 11, burst: 9 });
  t.match(changed.time_restrictions, { allowed_days: ['saturday'] });
});

t.test('update empties what --clear names', async (t) => {
  const keys = keysIn(t);
  const { id } = await keys.json(
    ...words('create --name a --type service --permission domains:read --preset read_only'),
    ...words('--ip 192.0.2.1 --hours 09:00-17:00 --days mon --metadata a=1 --burst 9'),
    ...words('--description text'),
  );
  const cleared = async (...what: string[]): Promise<KeyAnswer> => keys.json('update', id, ...what);
  t.strictSame((await cleared('--clear', 'days')).time_restrictions?.allowed_days, []);
  t.equal((await cleared('--clear', 'hours')).time_restrictions, null, 'without hours and days nothing is left');
  const key = await cleared(
    ...['ip', 'preset', 'permissions', 'limits', 'description', 'time'].flatMap((what) => ['--clear', what]),
  );
  t.match(key, { preset: null, description: '', limits: { burst: 500 } });
  t.strictSame([key.ip_restrictions, key.permissions], [[], []]);
  t.strictSame((await cleared('--clear', 'metadata', '--metadata', 'z=1')).metadata, { z: '1' }, 'first, then set');
  t.equal((await keys.run('update', id, '--description', '')).code, 0, 'an empty description is one');
});

t.test('disable and enable, rotate, revoke', async (t) => {
  const keys = keysIn(t);
  const { id, hint } = await keys.json('create', '--name', 'a', '--type', 'service');
  t.equal((await keys.json('disable', id)).status, 'disabled');
  t.equal((await keys.run('enable', id)).stdout, `${id} is enabled.\n`);
  t.equal((await keys.json('show', id)).status, 'active');

  interface Rotated {
    id: string;
    name: string;
    new_secret: string;
    rotated_at: string;
    old_secret_expires_at: string;
  }
  const rotated = await keys.json<Rotated>('rotate', id, '--grace', '2h');
  t.strictSame(Object.keys(rotated).join(), 'id,name,new_secret,rotated_at,old_secret_expires_at,version,propagation');
  t.ok(isWellFormedSecret(rotated.new_secret));
  t.equal(Date.parse(rotated.old_secret_expires_at) - Date.parse(rotated.rotated_at), 7_200_000);
  const view = await keys.json('show', id);
  t.equal(view.hint, `lk_…${rotated.new_secret.slice(-4)}`);
  t.match(view.previous_secret, { hint, expires_at: rotated.old_secret_expires_at, last_used: null });
  t.match(
    (await keys.run('show', id)).stdout,
    /\nOld secret {4}lk_….{4} works until .*Z; not used since the rotation\n/,
  );
  const atOnce = await keys.json<Rotated>('rotate', id, '--grace', '0');
  t.equal(atOnce.old_secret_expires_at, atOnce.rotated_at);

  t.equal((await keys.json('revoke', id)).status, 'revoked');
  t.equal((await keys.run('revoke', id)).code, 0, 'once more changes nothing');
  for (const verb of ['enable', 'disable', 'rotate']) {
    const { code, stderr } = await keys.run(verb, id);
    t.equal(code, 1);
    t.match(stderr, `latchkey: key ${id} is revoked, which is for good; it cannot be`);
  }
});

t.test('list filters, and goes on where it ended', async (t) => {
  const keys = keysIn(t);
  const make = (name: string, owner: string, type: string): Promise<KeyAnswer> =>
    keys.json('create', '--name', name, '--owner', owner, '--type', type);
  await make('one', 'alice', 'service');
  const two = await make('two', 'alice', 'personal');
  await make('three', 'bob', 'service');
  await keys.run('revoke', two.id);
  const names = async (...args: string[]): Promise<string> => {
    const { keys: found } = await keys.json<KeyList>('list', ...args);
    return found
      .map((key) => key.name)
      .sort()
      .join(' ');
  };
  t.equal(await names(), 'one three two');
  t.equal(await names('--owner', 'alice'), 'one two');
  t.equal(await names('--type', 'service', '--owner', 'alice'), 'one');
  t.equal(await names('--status', 'revoked'), 'two');
  t.equal(await names('--status', 'active'), 'one three');
  t.equal(await names('--owner', 'nobody'), '');
  t.equal((await keys.run('list', '--owner', 'nobody')).stderr, 'No keys.\n');

  const seen: string[] = [];
  let after: string[] = [];
  for (let page = 0; page < 3; page++) {
    const answer = await keys.json<KeyList>('list', '--limit', '1', ...after);
    const { next } = answer.pagination;
    t.equal(answer.keys.length, 1);
    seen.push(...answer.keys.map((key) => key.name));
    after = next === null ? [] : ['--after', next];
    t.equal(next === null, page === 2);
  }
  t.same(seen.sort(), ['one', 'three', 'two']);
  t.match((await keys.run('list', '--limit', '1')).stderr, /^There may be more: --after \S+\n$/);
});

t.test('the list for a person is a table, in which no name can pass for another line', async (t) => {
  const keys = keysIn(t);
  await keys.run('create', '--name', 'plain', '--type', 'service', '--owner', 'alice');
  const { id } = await keys.json('create', '--name', 'x', '--type', 'personal', '--owner', 'b'.repeat(200));
  // No longer taken; what was stored before is shown.
  const { store, close } = await openManagement(loadConfig(keys.config, {}).config);
  const record = await store.keys.get(id);
  if (record !== null) await store.keys.replace({ ...record, name: 'right\u202eleft', version: 2 });
  await close();
  const { stdout } = await keys.run('list');
  const [header = '', first = '', second = '', ...rest] = stdout.split('\n');
  t.strictSame(rest, ['']);
  t.strictSame(header.split(/ {2,}/), [
    'ID',
    'NAME',
    'TYPE',
    'OWNER',
    'STATUS',
    'HINT',
    'TIER',
    'EXPIRES',
    'LAST USED',
    'TODAY',
    'MONTH',
  ]);
  const rows = [first, second].sort((a) => (a.includes('plain') ? -1 : 1));
  t.match(rows[0], /^key_\w{24} {2}plain +service +alice +active +lk_….{4} +large +never +never +0 +0$/);
  t.ok(rows[1]?.includes('right\\u202eleft'), 'what turns the direction of text is shown, not done');
  t.ok(rows[1]?.includes(` ${'b'.repeat(200)} `), 'a program gets what is long as it is');
  t.equal(rows[0]?.indexOf('active'), header.indexOf('STATUS'));
  t.equal(rows[1]?.indexOf('active'), header.indexOf('STATUS'));
});

t.test('an expired key is told from an active one', async (t) => {
  const keys = keysIn(t);
  const soon = await keys.json('create', '--name', 'soon', '--type', 'service', '--expires', '1s');
  await keys.json('create', '--name', 'later', '--type', 'service');
  const status = async (id: string): Promise<string> => (await keys.json('show', id)).status;
  while ((await status(soon.id)) === 'active') await new Promise((resolve) => setTimeout(resolve, 50));
  t.equal(await status(soon.id), 'expired');
  const named = async (wanted: string): Promise<string[]> =>
    (await keys.json<KeyList>('list', '--status', wanted)).keys.map((key) => key.name);
  t.strictSame(await named('expired'), ['soon']);
  t.strictSame(await named('active'), ['later']);
  const { code, stderr } = await keys.run('rotate', soon.id);
  t.equal(code, 1);
  t.match(stderr, /^latchkey: key \w+ has expired; give it a later expiry before it is rotated\n$/);
});
