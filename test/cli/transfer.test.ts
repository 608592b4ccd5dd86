import { spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import type { AuditList } from '../../src/management/schemas/audit.ts';
import type { KeyIssued, KeyRotated } from '../../src/management/schemas/key.ts';
import { ask, redisFor, until } from '../e2e/site.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';
import { cli, ended, start } from './run.ts';
import { ANYWHERE, type Serving, serve } from './serving.ts';
import { legacySecret, Place, sha256, type Told } from './transfer-fixture.ts';

/** A gateway as a process, on the store of a place, in front of an API that says yes to everything. */
async function gateway(t: Test, place: Place): Promise<Serving> {
  const upstream = await startRawUpstream(t, (request) => request.ok('yes'));
  return serve(t, ['--config', place.config, '--upstream', upstream.url, ...ANYWHERE], { cwd: place.cwd });
}

/** What a gateway answers to a key: `200`, or the code of the denial. */
async function answer({ url }: Serving, secret: string, path = '/api/domains/1'): Promise<string> {
  const { status, code } = await ask(`${url}${path}`, secret);
  return code ?? String(status);
}

/** A store with keys in every state, and the secrets that open them. */
async function furnished(t: Test): Promise<{ place: Place; secrets: Readonly<Record<string, string>> }> {
  const place = new Place(t);
  await place.json('roles', 'create', 'on_call', '--permission', 'domains:read', '--description', 'night shift');
  const make = (name: string, ...options: readonly string[]): Promise<KeyIssued> =>
    place.json('keys', 'create', '--name', name, '--type', 'service', '--owner', 'team-a', ...options);
  const plain = await make('plain', '--permission', 'domains:*', '--metadata', 'a=b', '--per-hour', '77');
  const byRole = await make('by role', '--role', 'on_call', '--description', 'two\nlines');
  const bound = await make('bound', '--preset', 'read_only', '--ip', '192.0.2.0/24', '--hours', '09:00-17:00');
  const disabled = await make('disabled', '--permission', 'domains:read');
  const revoked = await make('revoked', '--permission', 'domains:read');
  const rotated = await make('rotated', '--permission', 'domains:read');
  await place.json('keys', 'disable', disabled.id);
  await place.json('keys', 'revoke', revoked.id);
  const { new_secret: fresh } = await place.json<KeyRotated>('keys', 'rotate', rotated.id);
  const [legacy, expired] = [legacySecret(), legacySecret()];
  const list = `name,key,permissions,expires_at\nlegacy,${legacy},domains:read,\nexpired,${expired},domains:read,2021-01-01\n`;
  await place.json('import', place.write('legacy.csv', list), '--type', 'service');
  const own = { plain, byRole, bound, disabled, revoked, old: rotated };
  const secrets = Object.fromEntries(Object.entries(own).map(([name, { secret }]) => [name, secret]));
  return { place, secrets: { ...secrets, fresh, legacy, expired } };
}

const EXPECTED: Readonly<Record<string, string>> = {
  plain: '200',
  byRole: '200',
  bound: 'ip_blocked',
  disabled: 'key_disabled',
  revoked: 'key_revoked',
  old: '200',
  fresh: '200',
  legacy: '200',
  expired: 'key_expired',
};

t.test('a backup restores every key as it was, on another store too, and the secrets go on working', async (t) => {
  const { place, secrets } = await furnished(t);
  const backup = place.path('backup.jsonl');
  const exported = await place.process('export', '--out', backup);
  t.strictSame(exported, { code: 0, stdout: '', stderr: `Exported 8 keys to ${backup}.\n` });
  t.equal(statSync(backup).mode & 0o777, 0o600);
  const lines = await place.backup();
  t.equal(lines.length, 9, 'a role and eight keys');
  for (const store of [undefined, `${(await redisFor(t)).url}/0`]) {
    await t.test(store === undefined ? 'SQLite' : 'Redis', async (t) => {
      const other = new Place(t, '', store);
      const trial = await other.run('import', backup, '--dry-run');
      t.equal(trial.code, 0, trial.stderr);
      t.match(trial.stdout, '8 keys and 1 role would be imported; nothing was written.');
      t.strictSame(await other.backup(), []);
      const done = await other.process('import', backup);
      t.strictSame([done.code, done.stdout], [0, 'Imported 8 keys and 1 role.\n'], done.stderr);
      t.strictSame(await other.backup(), lines, 'the same backup again');
      const again = await other.run('import', backup);
      t.strictSame([again.code, again.stdout], [0, 'Imported 0 keys. There already: 8.\n']);
      const serving = await gateway(t, other);
      for (const [name, secret] of Object.entries(secrets)) {
        t.equal(await answer(serving, secret), EXPECTED[name], name);
      }
      const said = JSON.stringify([exported, lines, trial, done, await other.json('audit', 'list')]);
      for (const [name, secret] of Object.entries(secrets)) t.notMatch(said, secret, name);
    });
  }
  const events = (await place.json<AuditList>('audit', 'list', '--action', 'keys.export')).entries;
  t.match(events[1], { target: null, after: { format: 'jsonl', hashes: true, filters: {} } });
});

t.test('an export says which keys it is asked for', async (t) => {
  const { place } = await furnished(t);
  const names = async (...filters: string[]): Promise<string[]> => {
    const { stdout } = await place.run('export', ...filters);
    return [...stdout.matchAll(/^{"key":{"id":"\w+","name":"([^"]+)"/gm)].map(([, name = '']) => name);
  };
  t.strictSame(await names('--status', 'expired'), ['expired']);
  t.strictSame(await names('--status', 'disabled', '--owner', 'team-a'), ['disabled']);
  t.notMatch(await names('--status', 'active'), ['expired']);
  t.strictSame(await names('--type', 'personal'), []);
});

t.test('a server that the environment names for other commands is not asked, which is told', async (t) => {
  const place = new Place(t);
  const environment = { LATCHKEY_SERVER: 'http://127.0.0.1:1', LATCHKEY_CONFIG: place.config };
  const out = place.path('backup.jsonl');
  const told = await cli(['export', '--out', out], environment);
  t.equal(told.code, 0, told.stderr);
  t.match(told.stderr, /^latchkey: warning: LATCHKEY_SERVER is not asked; this works on the store sqlite:.*keys\.db\n/);
  const back = await cli(['import', out, '--dry-run'], environment);
  t.match(back.stderr, 'latchkey: warning: LATCHKEY_SERVER is not asked; this works on the store sqlite:');
  const meant = await cli(['export', '--out', out, '--config', place.config], environment);
  t.strictSame([meant.code, meant.stderr.includes('LATCHKEY_SERVER')], [0, false], 'an option says what is meant');
});

t.test('callers of an API keep the keys that they have, whether these are known or only their hashes', async (t) => {
  const place = new Place(t);
  const [plain, hashed, base64, byRow] = [legacySecret(), legacySecret(), legacySecret(), legacySecret()];
  const rows = [
    { Name: 'plain', Token: plain, created_at: '2021-05-01', metadata: { team: 'a' } },
    { name: 'hashed', SHA256: sha256(hashed) },
    { name: 'base64', hash: Buffer.from(sha256(base64), 'hex').toString('base64') },
    { name: 'by row', value: byRow, permissions: { devices: { read: true } }, owner: 'team-b' },
  ];
  const file = place.write('keys.json', JSON.stringify(rows, null, 1));
  const defaults = ['--type', 'service', '--owner', 'team-a', '--preset', 'read_only'];
  const trial = await place.run('import', file, ...defaults, '--dry-run', '--json');
  t.equal(trial.code, 0, trial.stderr);
  t.match(JSON.parse(trial.stdout), { dry_run: true, counts: { imported: 4 }, imported: [{ line: 2, id: null }] });
  t.strictSame(await place.keys(), [], 'a dry run writes nothing');
  t.strictSame((await place.json<AuditList>('audit', 'list')).entries, []);
  const serving = await gateway(t, place);
  t.equal(await answer(serving, plain), 'key_not_found');
  const done = await place.process('import', file, ...defaults);
  t.strictSame([done.code, done.stdout], [0, 'Imported 4 keys.\n'], done.stderr);
  await until(async () => (await answer(serving, plain)) === '200');
  for (const secret of [hashed, base64]) t.equal(await answer(serving, secret), '200');
  t.equal(await answer(serving, byRow), 'permission_denied', 'a row that says what it may do gets nothing on top');
  t.equal(await answer(serving, byRow, '/api/devices/1'), '200');
  t.equal(await answer(serving, sha256(hashed)), 'key_not_found', 'a hash opens nothing');
  const keys = await place.keys();
  t.match(
    keys.find(({ name }) => name === 'plain'),
    {
      created_at: '2021-05-01T00:00:00.000Z',
      metadata: { team: 'a' },
      owner: 'team-a',
    },
  );
  t.match(
    keys.find(({ name }) => name === 'by row'),
    { owner: 'team-b', preset: null },
  );
  const audit = await place.json<AuditList>('audit', 'list', '--action', 'key.import');
  t.equal(audit.entries.length, 4);
  const said = JSON.stringify([trial, done, keys, audit, await place.backup(), serving.stdout, serving.stderr]);
  for (const secret of [plain, hashed, base64, byRow]) t.notMatch(said, secret);
});

t.test('a list comes from standard input as well', async (t) => {
  const place = new Place(t);
  const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
  const args = ['import', '-', '--type', 'service', '--json', '--config', place.config];
  const child = spawn(process.execPath, [program, ...args], { cwd: place.cwd, stdio: 'pipe' });
  child.stdin.end(`\ufeffName;Value\r\n"a;b";${legacySecret()}\r\n`);
  const { code, stdout, stderr } = await ended(child);
  t.equal(code, 0, stderr);
  t.match(JSON.parse(stdout), { counts: { imported: 1 }, imported: [{ line: 2, name: 'a;b' }] });
  t.match((JSON.parse(stdout) as Told).warnings, [/^1 key with no permission at all/]);
});

/** Keys in the store, counted beside whoever writes to it. */
function stored(place: Place): number {
  try {
    const db = new DatabaseSync(place.path('keys.db'), { readOnly: true });
    try {
      return Number(db.prepare('SELECT count(*) AS count FROM keys').get()?.['count']);
    } finally {
      db.close();
    }
  } catch {
    // It is not there yet.
    return 0;
  }
}

t.test('a migration that is interrupted or killed goes on where it was, and makes no key twice', async (t) => {
  const place = new Place(t);
  const secrets = Array.from({ length: 1_000 }, legacySecret);
  const rows = secrets.map((value, i) => ({ name: `key ${i}`, value, created: '2022-03-04 05:06:07' }));
  const file = place.write('v1.json', JSON.stringify({ keys: rows }));
  const chosen = ['--permission', 'domains:read', '--owner', 'account', '--report', place.path('report.json')];
  const args = ['migrate', file, ...chosen, '--config', place.config];
  const stopAfter = async (count: number, signal: 'SIGINT' | 'SIGKILL') => {
    const child = start(args, { cwd: place.cwd });
    const end = ended(child);
    await until(() => stored(place) >= count || child.exitCode !== null);
    child.kill(signal);
    return end;
  };
  const interrupted = await stopAfter(20, 'SIGINT');
  t.equal(interrupted.code, 130, interrupted.stderr);
  const first = JSON.parse(place.read('report.json')) as Told & { migrated: readonly unknown[] };
  t.match(interrupted.stdout, `Migrated ${first.counts['migrated']} keys. Interrupted: run it again to go on.`);
  t.match(first, { interrupted: true, counts: { present: 0 } });
  t.equal(first.migrated.length, stored(place), 'the report tells all that was done');
  t.equal(statSync(place.path('report.json')).mode & 0o777, 0o600);
  const killed = await stopAfter(stored(place) + 20, 'SIGKILL');
  t.equal(killed.code, null);
  const left = stored(place);
  t.ok(left < secrets.length, `killed after ${left} keys`);
  const last = await place.process(...args.slice(0, -2), '--json');
  t.equal(last.code, 0, last.stderr);
  const told = JSON.parse(last.stdout) as Told;
  t.match(told.counts, { migrated: secrets.length - left, present: left, refused: 0 });
  t.equal(stored(place), secrets.length);
  const names = (await place.backup()).map((line) => /"name":"([^"]+)"/.exec(line)?.[1]);
  t.equal(new Set(names).size, secrets.length);
  const [line = ''] = await place.backup();
  t.match(line, '"created_at":"2022-03-04T05:06:07.000Z"');
  t.match(line, /"type":"service","owner":"account".*"permissions":\["domains:read"\]/);
  const event = (await place.json<AuditList>('audit', 'list', '--action', 'key.migrate', '--limit', '1')).entries;
  t.match(event, [{ action: 'key.migrate', after: { permissions: ['domains:read'] } }]);
  const everything = JSON.stringify([interrupted, first, killed, last, place.read('report.json'), event]);
  t.notOk(
    secrets.some((secret) => everything.includes(secret)),
    'nowhere a secret',
  );
  const serving = await gateway(t, place);
  t.equal(await answer(serving, secrets.at(-1) ?? ''), '200');
  t.equal(await answer(serving, secrets[0] ?? '', '/api/devices/1'), 'permission_denied', 'no longer everything');
});

t.test('an export that is interrupted leaves no file', async (t) => {
  const place = new Place(t);
  await place.json('keys', 'create', '--name', 'a', '--type', 'service');
  const args = ['export', '--out', place.path('out.jsonl'), '--config', place.config];
  const { code, stderr } = await cli(args, {}, { interrupted: () => AbortSignal.abort() });
  t.strictSame([code, stderr], [130, 'latchkey: interrupted; the backup is not whole\n']);
  t.strictSame(
    readdirSync(place.cwd).filter((name) => name.includes('jsonl')),
    [],
  );
});
