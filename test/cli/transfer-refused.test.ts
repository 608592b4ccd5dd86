import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { newSecret } from '../../src/keys/secret.ts';
import { legacySecret, Place, sha256, type Told } from './transfer-fixture.ts';

/** Rows that are wrong, each in one way, and what is said of them. */
const BAD_ROWS: readonly (readonly [row: Readonly<Record<string, unknown>>, field: string, message: RegExp])[] = [
  [{ name: '' }, 'name', /^is missing; expected what people call the key$/],
  [{ type: '' }, 'type', /^is missing; give the column, or --type for all rows$/],
  [{ type: 'servce' }, 'type', /^"servce" is not known; did you mean "service"\?$/],
  [{ secret: '' }, 'secret', /^is missing; expected the secret, or its SHA-256 as sha256$/],
  [
    { secret: 'short-secret' },
    'secret',
    /^has 12 characters, so few that it can be guessed; expected at least 16, or --allow-weak/,
  ],
  [{ secret: 'legacy secret 0123456789' }, 'secret', /^has spaces, .* which an Authorization header cannot carry$/],
  [{ secret: `lk_${'0'.repeat(49)}` }, 'secret', /a wrong checksum/],
  [{ secret: 17 }, 'secret', /^has 2 characters/],
  [{ secret: ['x'] }, 'secret', /^is no text$/],
  [{ secret: '', sha256: 'abcdef' }, 'sha256', /^is no SHA-256; expected 64 hexadecimal digits/],
  [{ sha256: sha256('x') }, 'sha256', /^is given beside the secret/],
  [{ permissions: 'domains:raed' }, 'permissions[0]', /^"domains:raed" is not known; did you mean "domains:read"\?$/],
  [{ permissions: { domains: 'read' } }, 'permissions', /^is no list and no object like/],
  [{ preset: 'readonly' }, 'preset', /did you mean "read_only"/],
  [{ roles: 'nobody' }, 'roles[0]', /^"nobody" is not known/],
  [{ tier: 'huge' }, 'tier', /^"huge" is not known; expected one of small, large$/],
  [{ expires_at: '2026-02-31' }, 'expires_at', /^is no time; expected a time like/],
  [{ created_at: 'May 2021' }, 'created_at', /^is no time/],
  [{ created_at: '2999-01-01' }, 'created_at', /^lies in the future$/],
  [{ ip_restrictions: '10.0.0.0/40' }, 'ip_restrictions[0]', /has the prefix length "40"; expected 0 to 32$/],
  [{ country_restrictions: 'Holland' }, 'country_restrictions[0]', /Holland/],
  [{ block_tor: 'perhaps' }, 'block_tor', /^is neither true nor false$/],
  [{ metadata: 'a' }, 'metadata', /^is no object/],
  [{ description: 'x'.repeat(2001) }, 'description', /^has 2001 characters; expected at most 2000$/],
];

t.test('each bad row is told with its line, its field and what was expected; nothing is written', async (t) => {
  const place = new Place(t);
  const good = { name: 'good', type: 'service', secret: legacySecret() };
  const secrets = [good.secret];
  const rows = BAD_ROWS.map(([row]) => {
    const secret = legacySecret();
    secrets.push(secret, ...(typeof row['secret'] === 'string' && row['secret'] !== '' ? [row['secret']] : []));
    return JSON.stringify({ name: 'bad', type: 'service', secret, ...row });
  });
  const file = place.write('keys.jsonl', [JSON.stringify(good), ...rows].join('\n'));
  const told = await place.json<Told>('import', file);
  t.match(told, { blocked: true, counts: { imported: 1, refused: BAD_ROWS.length } });
  for (const [index, [row, field, message]] of BAD_ROWS.entries()) {
    const faults = told.refused.filter(({ line }) => line === index + 2);
    t.match(faults, [{ field, message }], JSON.stringify(row));
    t.equal(faults.length, 1, 'and nothing else is wrong with it');
  }
  const text = await place.run('import', file);
  t.equal(text.code, 1);
  t.match(text.stderr, `${file}:2: name: is missing; expected what people call the key\n`);
  t.match(text.stdout, 'Nothing was imported: 24 rows are refused (mend them, or leave them out with --skip-invalid)');
  t.strictSame(await place.keys(), []);
  for (const secret of secrets) t.notMatch(JSON.stringify([told, text]), secret);
  const rest = await place.json<Told>('import', file, '--skip-invalid');
  t.match(rest, {
    blocked: false,
    counts: { imported: 1, refused: BAD_ROWS.length },
    imported: [{ line: 1, name: 'good' }],
  });
  t.match(await place.keys(), [{ name: 'good' }]);
});

t.test('a secret does not get out through another column, nor twice into one file', async (t) => {
  const place = new Place(t);
  const secret = legacySecret();
  const named = place.write('a.csv', `name,secret,type,metadata.note\n${secret},${secret},service,key ${secret}\n`);
  const told = await place.json<Told>('import', named);
  t.match(told.refused, [
    { field: 'name', message: /^holds the secret itself/ },
    { field: 'metadata', message: /^holds the secret itself/ },
  ]);
  const moved = place.write('b.csv', `name,preset,secret,type\na,${secret},other-secret-0001,service\n`);
  const shifted = await place.json<Told>('import', moved);
  t.match(shifted.refused, [{ field: 'preset', message: /^"lega…" \(34 characters\) is not known/ }]);
  const twice = place.write('c.csv', `name,secret,sha256,type\na,${secret},,service\nb,,${sha256(secret)},service\n`);
  const double = await place.json<Told>('import', twice);
  t.match(double.refused, [{ line: 3, field: 'secret', message: 'is the same as on line 2; each key needs its own' }]);
  const headless = await place.run('import', place.write('d.csv', `ci,${secret}\n`), '--type', 'service');
  t.equal(headless.code, 1);
  t.match(headless.stderr, 'd.csv:1: the first row must name the columns');
  t.notMatch(JSON.stringify([told, shifted, double, headless]), secret);
});

t.test('--allow-weak takes shorter secrets, and says so for none', async (t) => {
  const place = new Place(t);
  const file = place.write('keys.csv', 'name,secret,type\na,12345678,service\nb,1234567,service\n');
  const told = await place.json<Told>('import', file, '--allow-weak', '--skip-invalid');
  t.match(told.counts, { imported: 1, refused: 1 });
  t.match(told.refused, [{ line: 3, message: /expected at least 8$/ }]);
});

t.test('a listing is told from a backup, whoever made it', async (t) => {
  const place = new Place(t);
  await place.json('keys', 'create', '--name', 'a', '--type', 'service', '--preset', 'read_only');
  await place.json('keys', 'create', '--name', 'b', '--type', 'service');
  const json = place.write('backup.json', JSON.stringify(await place.json('keys', 'list')));
  const csv = place.write('backup.csv', (await place.run('export', '--format', 'csv')).stdout);
  const why = 'is a listing, which has neither secrets nor hashes; "latchkey export" makes a backup';
  for (const file of [json, csv]) {
    for (const args of [['import'], ['import', '--skip-invalid'], ['migrate', '--preset', 'read_only']]) {
      const { code, stdout, stderr } = await place.run(...args, file);
      t.strictSame([code, stdout], [1, ''], args.join(' '));
      t.match(stderr, /^[^\n]+\n$/);
      t.match(stderr, why);
    }
  }
});

t.test('a column that is not known is said once for the file, and refuses each of its rows', async (t) => {
  const place = new Place(t);
  const row = (more: object): string => JSON.stringify({ secret: legacySecret(), type: 'service', ...more });
  const rows = [row({ nme: 'a' }), row({ nme: 'b', colour: 'red' }), row({ name: 'c' }), row({ nme: 'd' })];
  const file = place.write('keys.jsonl', rows.join('\n'));
  const { code, stdout, stderr } = await place.run('import', file, '--preset', 'read_only');
  t.equal(code, 1);
  t.equal(
    stderr,
    `${file}:1: "nme" is no known column; did you mean "name"?\n${file}:2: "colour" is no known column\n`,
  );
  t.match(stdout, 'Nothing was imported: 3 rows are refused');
  const told = await place.json<Told>('import', file, '--skip-invalid');
  t.match(told, { counts: { imported: 1, refused: 3 } });
  t.strictSame(
    told.refused.map((fault) => [fault.line, Object.keys(fault).join(' ')]),
    [1, 2, 2, 4].map((line) => [line, 'line field message']),
    'for a program each row has all that is wrong with it',
  );
});

t.test('a file that makes no sense as a whole is refused in one line', async (t) => {
  const place = new Place(t);
  const say = async (name: string, text: string | Uint8Array, ...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await place.run('import', place.write(name, text), ...args);
    t.equal(code, 1, name);
    t.equal(stdout, '');
    return stderr.replace(place.cwd, '');
  };
  t.equal(await say('a.csv', ''), 'latchkey: /a.csv: holds no keys\n');
  t.match(await say('b.csv', new Uint8Array([0x61, 0x0a, 0xff])), 'latchkey: /b.csv:2: is not UTF-8 text here');
  t.match(await say('c.csv', 'name,secert\n'), '/c.csv:1: the first row must name the columns: column 2: "secert"');
  t.match(await say('d.json', '[{"name": "a"}'), '/d.json:1: is not JSON here');
  t.match(await say('e.csv', 'name,secret\na,b\n', '--format', 'backup'), '/e.csv:1: is no backup');
  const gone = await place.run('import', place.path('gone.csv'));
  t.match([gone.code, gone.stderr], [1, 'gone.csv cannot be read: there is no such file']);
  const isFolder = await place.run('import', place.cwd);
  t.match([isFolder.code, isFolder.stderr], [1, 'is a folder; expected a file']);
});

t.test('a backup is not migrated: it says what reads it', async (t) => {
  const place = new Place(t);
  await place.run('export', '--out', place.path('backup.jsonl'));
  const refused = await place.run('migrate', place.path('backup.jsonl'), '--preset', 'read_only');
  t.equal(refused.code, 1);
  t.match(refused.stderr, /^latchkey: .*backup\.jsonl is a backup of Latchkey; "latchkey import" reads it\n$/);
});

t.test('options that make no sense are refused before anything is read', async (t) => {
  const place = new Place(t);
  const file = place.write('v1.csv', `Name,Value,Created\na,${legacySecret()},2021-01-01\n`);
  const backup = place.write('backup.jsonl', (await place.run('export')).stdout);
  for (const [args, message] of [
    [['migrate', file], 'choose what the keys may do: --permission, --preset or --role'],
    [['migrate', file, '--permission', 'domains:raed'], 'did you mean "domains:read"?'],
    [['migrate', file, '--preset', 'read_only', '--type', 'robot'], '--type: "robot" is not known'],
    [['import', file, '--tier', 'huge'], '--tier: "huge" is not known'],
    [['import', file, '--format', 'xml'], '--format: "xml" is not known; expected backup, keys'],
    [['import', file, '--on-conflict', 'ask'], '--on-conflict: "ask" is not known'],
    [['import', backup, '--preset', 'read_only'], '--preset is for a list of keys'],
    [['export', '--status', 'gone'], '--status: "gone" is not known'],
    [['export', '--json'], '--json tells in JSON what was written, so it needs --out'],
    [['import', newSecret('lk')], 'an argument is the secret of a key'],
  ] as const) {
    const { code, stderr } = await place.run(...args);
    t.equal(code, 2, args.join(' '));
    t.match(stderr, message);
  }
  t.strictSame(await place.keys(), []);
});

t.test('a backup that is cut, or does not fit this configuration, writes nothing', async (t) => {
  const from = new Place(t, 'keys: { peppers: [{ version: 3, secret: "0123456789abcdef0123456789abcdef" }] }\n');
  for (const args of [['--tier', 'large'], ['--permission', 'domains:write'], ['--preset', 'read_only'], []]) {
    await from.json('keys', 'create', '--name', `a key ${args.join(' ')}`, '--type', 'service', ...args);
  }
  const whole = (await from.run('export')).stdout;
  const to = new Place(t);
  const cut = to.write('cut.jsonl', whole.slice(0, -400));
  const refused = await to.run('import', cut);
  t.equal(refused.code, 1);
  t.match(refused.stderr, /cut\.jsonl: the backup is not whole: its last line is missing/);
  const told = await to.json<Told>('import', to.write('whole.jsonl', whole));
  t.match(told, { blocked: true, counts: { imported: 0, refused: 4 } });
  t.match(told.refused[0], { field: 'digest', message: /^was hashed under pepper 3, which keys\.peppers/ });
  const strict = new Place(t, 'keys: { peppers: [{ version: 3, secret: "0123456789abcdef0123456789abcdef" }] }\n');
  writeFileSync(
    strict.config,
    strict
      .read('latchkey.yaml')
      .replace('read_only', 'reader')
      .replaceAll('large', 'big')
      .replace('domains:write: [POST', 'domains:delete: [POST'),
  );
  const unfit = await strict.json<Told>('import', strict.write('whole.jsonl', whole));
  const faults = unfit.refused.map(({ line, field }) => `${line} ${field}`);
  t.strictSame(faults.toSorted(), ['2 tier', '3 permissions[0]', '3 tier', '4 preset', '4 tier', '5 tier']);
  t.strictSame([await to.keys(), await strict.keys()], [[], []]);
});

t.test('what differs from a backup is a conflict, which writes nothing unless it is to be skipped', async (t) => {
  const place = new Place(t);
  const { id } = await place.json<{ id: string }>('keys', 'create', '--name', 'a', '--type', 'service');
  await place.json('roles', 'create', 'on_call', '--permission', 'domains:read');
  const backup = place.write('backup.jsonl', (await place.run('export')).stdout);
  const again = await place.json<Told>('import', backup);
  t.match(again, { blocked: false, counts: { imported: 0, present: 1, conflicts: 0, roles_present: 1 } });
  await place.json('keys', 'update', id, '--name', 'b');
  await place.json('roles', 'update', 'on_call', '--permission', 'devices:read');
  const { id: other } = await place.json<{ id: string }>('keys', 'create', '--name', 'c', '--type', 'service');
  await place.json('keys', 'delete', other, '--yes');
  const before = await place.backup();
  const told = await place.json<Told>('import', backup);
  t.match(told, { blocked: true, counts: { conflicts: 2 } });
  t.match(told.conflicts, [
    { line: 2, message: 'the role is there and differs in permissions' },
    { line: 3, message: `${id} is there and differs in name, updated_at, version` },
  ]);
  const skipped = await place.run('import', backup, '--on-conflict', 'skip');
  t.match([skipped.code, skipped.stdout], [0, 'Left as they are, though they differ: 2.']);
  t.strictSame(await place.backup(), before);
  const file = place.write('list.csv', `name,secret,type\na,${legacySecret()},service\n`);
  await place.json('import', file);
  const present = await place.json<Told>('import', file, '--on-conflict', 'fail');
  t.match(present, { blocked: true, conflicts: [{ line: 2, message: /^its secret opens key_\w+ already$/ }] });
});

t.test('an export names the keys that cannot be read, and is otherwise whole', async (t) => {
  const place = new Place(t);
  for (const name of ['a', 'b', 'c']) await place.json('keys', 'create', '--name', name, '--type', 'service');
  const [, bad] = await place.keys();
  const db = new DatabaseSync(place.path('keys.db'));
  db.prepare("UPDATE keys SET record = '{}' WHERE id = ?").run(bad?.id ?? '');
  db.close();
  const { code, stdout, stderr } = await place.run('export', '--out', place.path('out.jsonl'), '--json');
  t.equal(code, 1);
  t.strictSame(JSON.parse(stdout), { file: place.path('out.jsonl'), keys: 2, unreadable: 1 });
  t.match(stderr, `${bad?.id} cannot be read`);
  t.match(
    place.read('out.jsonl').trimEnd().split('\n').at(-1),
    '{"footer":{"roles":0,"keys":2,"unreadable":1,"sha256":',
  );
  const csv = await place.run('export', '--format', 'csv');
  t.equal(csv.code, 1);
  t.equal(csv.stdout.split('\r\n').length, 4);
});

t.test('a file that cannot be written leaves what was there, and nothing else', async (t) => {
  const place = new Place(t);
  const out = place.write('out.jsonl', 'before');
  t.equal((await place.run('export', '--out', out)).code, 0);
  t.equal(statSync(out).mode & 0o777, 0o600, 'for its owner alone');
  t.match(place.read('out.jsonl'), /^{"format":"latchkey-backup"/);
  const nowhere = await place.run('export', '--out', place.path('no/such/folder.jsonl'));
  t.match([nowhere.code, nowhere.stderr], [1, 'folder.jsonl cannot be written: there is no such folder\n']);
  const inFile = await place.run('export', '--out', `${out}/folder.jsonl`);
  t.match([inFile.code, inFile.stderr], [1, 'cannot be written: a part of its path is no folder\n']);
  const device = await place.run('export', '--out', '/dev/null');
  t.match([device.code, device.stderr], [1, '/dev/null is there and is no file']);
  t.strictSame(
    readdirSync(place.cwd).filter((name) => name.endsWith('.part')),
    [],
  );
});
