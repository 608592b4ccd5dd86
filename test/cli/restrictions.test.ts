import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import type { KeyAnswer } from '../../src/management/schemas/key.ts';
import { type Keys, keysIn } from './keys-fixture.ts';
import type { Result } from './run.ts';

const NEW = ['create', '--name', 'a', '--type', 'service'];
const BROWSER = 'Mozilla/5.0 (X11; *';

/** One line on standard error, nothing on standard output. Returns the line. */
function said(t: Test, { code, stdout, stderr }: Result): string {
  t.equal(code, 2);
  t.equal(stdout, '');
  t.match(stderr, /^latchkey: [^\n]+\n$/);
  return stderr.slice('latchkey: '.length).trimEnd();
}

/** A key with every restriction, and some in shadow. */
function restricted(keys: Keys): Promise<KeyAnswer> {
  return keys.json(
    ...NEW,
    '--ip',
    '192.0.2.0/24',
    '--ip',
    '2001:db8::1',
    '--country',
    'NL',
    '--country',
    'BE',
    '--block-tor',
    '--hours',
    '09:00-17:00',
    '--days',
    'mon-fri',
    '--timezone',
    'Europe/Amsterdam',
    '--user-agent',
    'acme-sync/*',
    '--user-agent',
    BROWSER,
    '--shadow',
    'user_agent',
    '--shadow',
    'limits',
  );
}

const WEEK = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'];
const ALL = {
  ip_restrictions: ['192.0.2.0/24', '2001:db8::1'],
  country_restrictions: ['NL', 'BE'],
  block_tor: true,
  time_restrictions: { timezone: 'Europe/Amsterdam', allowed_hours: ['09:00-17:00'], allowed_days: WEEK },
  user_agent_restrictions: ['acme-sync/*', BROWSER],
  shadow: ['limits', 'user_agent'],
};

t.test('every restriction has an option, and each is emptied by its name', async (t) => {
  const keys = keysIn(t);
  const { id, ...made } = await restricted(keys);
  t.match(made, ALL);
  const cleared: readonly [name: string, left: Partial<KeyAnswer>][] = [
    ['ip', { ip_restrictions: [] }],
    ['country', { country_restrictions: [] }],
    ['tor', { block_tor: false }],
    ['time', { time_restrictions: null }],
    ['user_agent', { user_agent_restrictions: [] }],
    ['shadow', { shadow: [] }],
  ];
  const expected: Record<string, unknown> = { ...ALL };
  for (const [name, left] of cleared) {
    Object.assign(expected, left);
    t.match(await keys.json('update', id, '--clear', name), expected, name);
  }
  t.match(await keys.json('update', id, '--user-agent', 'curl/*', '--shadow', 'ip', '--block-tor'), {
    ...expected,
    user_agent_restrictions: ['curl/*'],
    shadow: ['ip'],
    block_tor: true,
  });
  t.match(
    said(t, await keys.run('update', id, '--clear', 'times')),
    '--clear: "times" is not known; expected ip, country, tor, user_agent, shadow,',
  );
});

t.test('a key is shown with what restricts it', async (t) => {
  const keys = keysIn(t);
  const { id } = await restricted(keys);
  const lines = (await keys.run('show', id)).stdout.split('\n');
  for (const line of [
    'Addresses     192.0.2.0/24, 2001:db8::1',
    'Countries     NL, BE',
    'Tor           refused',
    `Times         09:00-17:00 on ${WEEK.join(', ')}, Europe/Amsterdam`,
    `Programs      acme-sync/*, ${BROWSER}`,
    'In shadow     limits, user_agent',
  ]) {
    t.ok(lines.includes(line), line);
  }
  const plain = await keys.json<KeyAnswer>(...NEW);
  const shown = (await keys.run('show', plain.id)).stdout;
  for (const line of ['Addresses     any', 'Countries     any', 'Times         any', 'Programs      any']) {
    t.match(shown, line);
  }
  t.notMatch(shown, /^(?:Tor|In shadow) /m, 'what says nothing is left out');
});

t.test('what is wrong is said of the option that gave it', async (t) => {
  const keys = keysIn(t);
  const { id } = await keys.json<KeyAnswer>(...NEW);
  const wrong: readonly [options: string[], said: string][] = [
    [['--ip', '::1', '--ip', '10.0.0.0/33'], '--ip: "10.0.0.0/33" has the prefix length "33"; expected 0 to 32'],
    [['--country', 'UK'], '--country: "UK" is not the code of a country; did you mean "GB"?'],
    [['--country', 'nl'], '--country: "nl" is not the code of a country; did you mean "NL"?'],
    [['--country', 'XX'], '--country: "XX" is not the code of a country; expected ISO 3166-1 alpha-2, like NL'],
    [
      ['--hours', '08:00-25:00'],
      '--hours: "08:00-25:00" is not a window; expected HH:MM-HH:MM from 00:00 to 24:00, like 09:00-17:00 or 22:00-06:00',
    ],
    [
      ['--user-agent', '*'],
      '--user-agent: "*" is not a pattern; expected printable text of up to 200 characters, without spaces at its ends and not only *, like acme-sync/*',
    ],
    [['--shadow', 'times'], '--shadow: "times" is not known; did you mean "time"?'],
    [['--shadow', 'foo'], '--shadow: "foo" is not known; expected one of ip, country, tor, time, user_agent, limits'],
  ];
  for (const [options, expected] of wrong) {
    for (const command of [NEW, ['update', id]]) {
      t.match(said(t, await keys.run(...command, ...options)), expected, options.join(' '));
    }
  }
  t.equal((await keys.all()).length, 1);
});

t.test('what is in shadow refuses nobody, and the warning says so', async (t) => {
  const keys = keysIn(t);
  const { id } = await keys.json(...NEW, '--preset', 'read_only');
  const shadow = await keys.run('update', id, '--country', 'NL', '--shadow', 'country');
  t.match(shadow.stderr, /^latchkey: warning: country_restrictions: .* would be refused if it were not in shadow\n$/);
  const enforced = await keys.run('update', id, '--clear', 'shadow');
  t.match(enforced.stderr, /^latchkey: warning: country_restrictions: .* every request with this key is refused\n$/);
  const everywhere = keysIn(t, undefined, 'restrictions: { shadow: [country] }\n');
  const made = await everywhere.run(...NEW, '--preset', 'read_only', '--country', 'NL');
  t.match(made.stderr, /would be refused if it were not in shadow$/m, 'also when the configuration says so');
});

t.test('times that a newer version wrote are not lost when a part of them changes', async (t) => {
  const keys = keysIn(t);
  const { id } = await restricted(keys);
  const db = new DatabaseSync(keys.config.replace('latchkey.yaml', 'keys.db'), { timeout: 10_000 });
  const { record } = db.prepare('SELECT record FROM keys WHERE id = ?').get(id) as { record: string };
  const newer = JSON.stringify(JSON.parse(record)).replace('"allowed_days"', '"until":"2030-01-01","allowed_days"');
  db.prepare('UPDATE keys SET record = ? WHERE id = ?').run(newer, id);
  db.close();
  const refused = /^the times of this key cannot be read by this version; to replace them give --clear time as well$/;
  t.match(said(t, await keys.run('update', id, '--hours', '10:00-11:00')), refused);
  t.match(said(t, await keys.run('update', id, '--clear', 'days')), refused);
  t.match((await keys.run('show', id)).stdout, /^Times +cannot be read: \{.*"until":"2030-01-01"/m);
  t.match(await keys.json('update', id, '--metadata', 'a=1'), { time_restrictions: { until: '2030-01-01' } });
  const { time_restrictions: replaced } = await keys.json<KeyAnswer>(
    'update',
    id,
    '--clear',
    'time',
    '--hours',
    '10:00-11:00',
  );
  t.strictSame(replaced, { timezone: 'UTC', allowed_hours: ['10:00-11:00'], allowed_days: [] });
});
