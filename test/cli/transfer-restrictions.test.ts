/** Restrictions, and what is in shadow, go with a key wherever it goes, or it does not go. */
import { hash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import type { KeyRecord } from '../../src/core/key.ts';
import type { KeyAnswer, KeyIssued } from '../../src/management/schemas/key.ts';
import { keyLine, readLine } from '../../src/management/transfer/backup-format.ts';
import { keyRecord } from '../support/keys.ts';
import { legacySecret, Place, type Told } from './transfer-fixture.ts';

const BROWSER = 'Mozilla/5.0 (X11; Linux, "x") *';
const OPTIONS = [
  '--ip',
  '192.0.2.0/24',
  '--country',
  'NL',
  '--block-tor',
  '--days',
  'mon',
  '--timezone',
  'Europe/Amsterdam',
  '--user-agent',
  BROWSER,
  '--user-agent',
  'acme/*',
  '--shadow',
  'time',
  '--shadow',
  'limits',
];
const ALL = {
  ip_restrictions: ['192.0.2.0/24'],
  country_restrictions: ['NL'],
  block_tor: true,
  time_restrictions: { timezone: 'Europe/Amsterdam', allowed_hours: [], allowed_days: ['monday'] },
  user_agent_restrictions: [BROWSER, 'acme/*'],
  shadow: ['limits', 'time'],
};

const DIGEST = `sha256:${'a'.repeat(43)}`;

function make(place: Place, ...options: readonly string[]): Promise<KeyIssued> {
  return place.json('keys', 'create', '--name', 'a', '--type', 'service', ...options);
}

/** Runs on the database of a place, past the program. */
function inStore<T>(place: Place, work: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(place.path('keys.db'), { timeout: 10_000 });
  try {
    return work(db);
  } finally {
    db.close();
  }
}

/** Changes what is stored of the restrictions of a key. */
function restrict(place: Place, id: string, change: (restrictions: object) => object): void {
  inStore(place, (db) => {
    const { record } = db.prepare('SELECT record FROM keys WHERE id = ?').get(id) as { record: string };
    const stored = JSON.parse(record) as KeyRecord;
    const text = JSON.stringify({ ...stored, restrictions: change(stored.restrictions) });
    db.prepare('UPDATE keys SET record = ? WHERE id = ?').run(text, id);
  });
}

/** The line of a key in a backup, with other members. */
function line(record: KeyRecord, changes: (key: Record<string, unknown>) => void): string {
  const { key } = JSON.parse(keyLine(record, true)) as { key: Record<string, unknown> };
  changes(key);
  return JSON.stringify({ key });
}

t.test('a backup brings back every restriction and what is in shadow', async (t) => {
  const [from, to] = [new Place(t), new Place(t)];
  const { id } = await make(from, ...OPTIONS);
  await make(from);
  const lines = await from.backup();
  t.equal((await from.run('export', '--out', from.path('backup.jsonl'))).code, 0);
  const told = await to.json<Told>('import', from.path('backup.jsonl'));
  t.match(told, { counts: { imported: 2 }, refused: [], conflicts: [] });
  t.match(await to.json<KeyAnswer>('keys', 'show', id), ALL);
  t.strictSame(await to.backup(), lines);
});

t.test('a line that an earlier version wrote is read: it knew no programs and no shadow', async (t) => {
  const restrictions = {
    ip_restrictions: [],
    country_restrictions: ['NL'],
    block_tor: false,
    time_restrictions: ALL.time_restrictions,
  };
  const record = keyRecord({ restrictions, secret: { digest: DIGEST, hint: '' } });
  const before = line(record, (key) => {
    delete key['user_agent_restrictions'];
    delete key['shadow'];
  });
  t.notMatch(before, /shadow|user_agent/);
  const { country_restrictions, time_restrictions } = restrictions;
  t.strictSame(readLine(before), {
    kind: 'key',
    record: { ...record, shadow: [], restrictions: { country_restrictions, time_restrictions } },
  });
});

t.test('what an earlier version stored is the same as what its backup says', async (t) => {
  const place = new Place(t);
  const { id } = await make(place, '--ip', '192.0.2.1');
  const none = { country_restrictions: [], block_tor: false, time_restrictions: null };
  restrict(place, id, (restrictions) => ({ ...restrictions, ...none }));
  t.equal((await place.run('export', '--out', place.path('backup.jsonl'))).code, 0);
  t.match(await place.json<Told>('import', place.path('backup.jsonl')), { conflicts: [], present: [{ id }] });
  await place.json('keys', 'update', id, '--ip', '192.0.2.2');
  t.match(await place.json<Told>('import', place.path('backup.jsonl')), {
    blocked: true,
    conflicts: [{ message: new RegExp(`${id} is there and differs in restrictions`) }],
  });
});

t.test('a restriction that is not understood is in the backup, and is not brought back without it', async (t) => {
  const [from, to] = [new Place(t), new Place(t)];
  const good = await make(from);
  const cases: readonly [id: string, field: string][] = [
    [(await make(from)).id, 'device_restrictions'],
    [(await make(from)).id, 'ip_restrictions'],
    [(await make(from, ...OPTIONS)).id, 'time_restrictions'],
  ];
  for (const [id, field] of cases) {
    restrict(from, id, (restrictions) => ({ ...restrictions, [field]: { only: 'phones' } }));
  }
  const lines = await from.backup();
  for (const [id, field] of cases) {
    const found = lines.find((text) => text.includes(id)) ?? '';
    t.match(found, `"${field}":{"only":"phones"}`, 'as it is stored, for the version that wrote it');
    t.match(readLine(found), { kind: 'wrong', message: /cannot be understood: written by another version/ });
  }
  t.equal((await from.run('export', '--out', from.path('backup.jsonl'))).code, 0);
  t.match(await to.json<Told>('import', from.path('backup.jsonl')), { blocked: true, counts: { refused: 3 } });
  t.strictSame(await to.keys(), []);
  await to.json<Told>('import', from.path('backup.jsonl'), '--skip-invalid');
  t.strictSame(
    (await to.keys()).map(({ id }) => id),
    [good.id],
  );
});

t.test('a backup with restrictions that are wrong is refused, line by line', async (t) => {
  const [from, to] = [new Place(t), new Place(t)];
  await make(from, ...OPTIONS);
  const [header = '', key = ''] = (await from.run('export')).stdout.split('\n');
  const refusal = async (changes: object): Promise<string> => {
    const { key: good } = JSON.parse(key) as { key: object };
    const body = `${header}\n${JSON.stringify({ key: { ...good, ...changes } })}\n`;
    const footer = { roles: 0, keys: 1, unreadable: 0, sha256: hash('sha256', body, 'hex') };
    const file = to.write('changed.jsonl', `${body}${JSON.stringify({ footer })}\n`);
    const { refused } = await to.json<Told>('import', file);
    return refused.map(({ field, message }) => `${field}: ${message}`).join();
  };
  t.match(await refusal({ ip_restrictions: ['10.0.0.0/33'] }), /^ip_restrictions\[0\]: ".*" has the prefix length/);
  t.match(await refusal({ country_restrictions: ['UK'] }), /^country_restrictions\[0\]: .*did you mean "GB"\?$/);
  t.match(await refusal({ user_agent_restrictions: ['*'] }), /^user_agent_restrictions\[0\]: "\*" is not a pattern/);
  t.match(await refusal({ shadow: ['times'] }), /^shadow\[0\]: "times" is not known; did you mean "time"\?$/);
  t.match(await refusal({ ip_restriction: [] }), /^ip_restriction: cannot be understood/);
  t.strictSame(await to.keys(), []);
});

t.test('a list of keys brings restrictions along, as CSV and as JSON', async (t) => {
  const place = new Place(t);
  const { time_restrictions: _, shadow: _s, ...simple } = ALL;
  const cell = (value: unknown): string => `"${JSON.stringify(value).replaceAll('"', '""')}"`;
  const csv = [
    'name,secret,ip_restrictions,country_restrictions,block_tor,user_agent_restrictions',
    `quoted,${legacySecret()},192.0.2.0/24,NL,yes,${cell(simple.user_agent_restrictions)}`,
    `plain,${legacySecret()},192.0.2.0/24 2001:db8::1,"NL, BE",no,acme/* curl/8.0;wget/1`,
  ];
  const file = place.write('keys.csv', csv.join('\n'));
  t.match(await place.json<Told>('import', file, '--type', 'service'), { counts: { imported: 2 } });
  const json = place.write('keys.json', JSON.stringify([{ name: 'json', secret: legacySecret(), ...simple }]));
  t.match(await place.json<Told>('import', json, '--type', 'service'), { counts: { imported: 1 } });
  const keys = new Map((await place.keys()).map((key) => [key.name, key]));
  for (const name of ['quoted', 'json']) t.match(keys.get(name), simple, name);
  t.match(keys.get('plain'), {
    ip_restrictions: ['192.0.2.0/24', '2001:db8::1'],
    country_restrictions: ['NL', 'BE'],
    block_tor: false,
    user_agent_restrictions: ['acme/*', 'curl/8.0', 'wget/1'],
  });
});

t.test('what is wrong in a list is said of its line and column', async (t) => {
  const place = new Place(t);
  const rows = [
    ['user_agent_restrictions', '*', '"*" is not a pattern; expected printable text'],
    ['country_restrictions', 'UK', '"UK" is not the code of a country; did you mean "GB"?'],
    ['ip_restrictions', '::1 10.0.0.0/33', '"10.0.0.0/33" has the prefix length "33"; expected 0 to 32'],
    ['block_tor', 'perhaps', 'is neither true nor false'],
  ] as const;
  for (const [column, value, message] of rows) {
    const file = place.write('keys.csv', `name,secret,${column}\na,${legacySecret()},${value}\n`);
    const { refused } = await place.json<Told>('import', file, '--type', 'service');
    t.match(refused, [{ line: 2, field: new RegExp(`^${column}`), message }], column);
  }
});

t.test('a spreadsheet shows them', async (t) => {
  const place = new Place(t);
  await make(place, ...OPTIONS);
  const [head = '', row = ''] = (await place.run('export', '--format', 'csv')).stdout.split('\r\n');
  for (const column of ['user_agent_restrictions', 'allowed_days', 'timezone', 'shadow']) t.match(head, column);
  for (const text of ['192.0.2.0/24,NL,true,', ',monday,Europe/Amsterdam,limits time,']) t.match(row, text);
  t.match(row, `"[""Mozilla/5.0 (X11; Linux, \\""x\\"") *"",""acme/*""]"`);
});
