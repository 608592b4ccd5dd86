/** The commands on the management API of a gateway. */
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Environment } from '../../src/config/environment.ts';
import { LOG_ENTRY } from '../../src/management/schemas/examples.ts';
import type { KeyIssued, KeyList } from '../../src/management/schemas/key.ts';
import { type Served, serveManagement } from '../management/gateway.ts';
import { cli, folder, latchkey, type Result } from './run.ts';
import { ANYWHERE, serve } from './serving.ts';

interface Remote extends Served {
  /** Runs a command with --server and a token. */
  run(...args: string[]): Promise<Result>;
  json<T>(...args: string[]): Promise<T>;
}

async function remotely(t: Test, permissions?: readonly string[]): Promise<Remote> {
  const served = await serveManagement(t);
  const environment = { LATCHKEY_TOKEN: await served.token(permissions) };
  const run = (...args: string[]): Promise<Result> =>
    cli([...args, '--server', served.url], environment, { clock: served.clock });
  const json = async <T>(...args: string[]): Promise<T> => {
    const { code, stdout, stderr } = await run(...args, '--json');
    if (code !== 0 || stderr !== '') throw new Error(`exit code ${code}: ${stderr}`);
    return JSON.parse(stdout) as T;
  };
  return { ...served, run, json };
}

/** One line on standard error, nothing on standard output. Returns the line. */
function oneLine(t: Test, { code, stdout, stderr }: Result, expectedCode: number): string {
  t.equal(code, expectedCode, stderr);
  t.equal(stdout, '');
  t.match(stderr, /^[^\n]+\n$/);
  return stderr.trimEnd();
}

const words = (line: string): string[] => line.split(' ');

t.test('the life of a key, through a gateway', async (t) => {
  const { admin, clock, json, run } = await remotely(t);
  const made = await json<KeyIssued>(
    ...words('keys create --name a --type service --preset read_only --expires 90d --burst 9'),
  );
  t.equal(made.owner, 'root', 'whom the token names');
  t.equal(Date.parse(made.expires_at ?? '') - clock.now(), 90 * 86_400_000);
  t.equal((await json<KeyIssued>('keys', 'create', '--name', 'laptop')).type, 'personal', 'as the gateway has it');
  const { id } = made;
  t.match(await json('keys', 'show', id), await admin.getKey(id));
  t.match((await run('keys', 'show', id)).stdout, `Id            ${id}\n`);
  const changed = await json<KeyIssued>('keys', 'update', id, ...words('--per-day 11 --metadata a=1 --days mon'));
  t.match(changed, { limits: { per_day: 11, burst: 9 }, metadata: { a: '1' }, time_restrictions: { timezone: 'UTC' } });
  t.equal(
    (await run('keys', 'disable', id, '--if-version', '2')).stdout,
    `${id} is disabled; no gateway is running.\n`,
  );
  t.match(
    (await run('keys', 'rotate', id, '--grace', '0')).stderr,
    'The old secret no longer works; no gateway is running.',
  );
  t.equal((await json<KeyList>('keys', 'list', '--sort', 'name')).keys.length, 2);
  t.match(await run('keys', 'bulk', 'revoke', '--type', 'personal', '--yes'), {
    stderr: '1 key is revoked; no gateway is running.\n',
  });
  t.match(await run('keys', 'delete', id, '--yes'), { code: 0, stdout: `${id} is deleted; no gateway is running.\n` });
  t.match((await run('audit', 'list')).stdout, /root .* key\.delete/);
});

t.test('roles, usage, logs and the audit log, through a gateway', async (t) => {
  const { admin, json, run } = await remotely(t);
  const { id } = await admin.createKey({ name: 'a', type: 'service', metadata: { '2': 'b', '1': 'a', ü: '"\u2028' } });
  t.match(await run('roles', 'create', 'on_call', '--permission', 'domains:*'), {
    stdout: 'The role on_call is made.\n',
  });
  t.match(await run('roles', 'delete', 'on_call', '--yes'), { code: 0 });
  t.match(await json('keys', 'usage', id), { key_id: id, total_requests: 0 });
  t.match(await run('keys', 'logs', id), { code: 0, stderr: 'No requests.\n' });
  await admin.updateKey(id, { description: 'x', metadata: {} });
  const verified = await json<{ head: string }>('audit', 'verify');
  t.match(verified, { ok: true, entries: 4, first: 1, head: /^4:/ });
  t.match(await run('audit', 'verify', '--expect', verified.head), { code: 0 });
  t.match(oneLine(t, await run('audit', 'verify', '--expect', `5:${'0'.repeat(64)}`), 1), 'entry 5 was expected');
  t.match(oneLine(t, await run('audit', 'verify', '--expect', `2:${'0'.repeat(64)}`), 1), 'entry 2 is not the one');
});

t.test('what the gateway refuses is told by the option that it is about', async (t) => {
  const { run } = await remotely(t);
  const create = async (...args: string[]): Promise<string> =>
    oneLine(t, await run('keys', 'create', '--name', 'a', ...args), 2);
  t.equal(
    await create('--permission', 'domains:raed'),
    'latchkey: --permission: "domains:raed" is not known; did you mean "domains:read"?',
  );
  t.match(await create('--per-hour', '0'), /^latchkey: --per-hour: /);
  t.match(await create('--hours', '9-17'), /^latchkey: --hours: "9-17" is not a window/);
  t.match(await create('--days', 'mon', '--timezone', 'Mars'), /^latchkey: --timezone: "Mars" is not a time zone/);
  t.match(await create('--ip', '10.0.0.1', '--ip', 'x'), /^latchkey: --ip: "x" is not an address/);
  t.match(await create('--country', 'UK'), /^latchkey: --country: /);
  t.match(await create('--role', 'none'), /^latchkey: --role: "none" is not known/);
  t.match(await create('--expires', '2020-01-01'), /^latchkey: --expires: /);
  t.match(oneLine(t, await run('keys', 'list', '--after', 'x'), 2), /^latchkey: --after: /);
  t.match(oneLine(t, await run('keys', 'show', 'key_none'), 1), /^latchkey: There is no (?:such )?key/);
  t.match(oneLine(t, await run('roles', 'show', 'none'), 1), /^latchkey: .*no such role/);
  const json = await run('keys', 'create', '--name', 'a', '--permission', 'a:b', '--json');
  t.match(JSON.parse(json.stderr), { error: { code: 'VALIDATION_FAILED', faults: [{ field: 'permissions[0]' }] } });
});

t.test('a token that is wrong, or may not do that', async (t) => {
  const { admin, run, url } = await remotely(t, ['admin:read']);
  const { id } = await admin.createKey({ name: 'a', type: 'service' });
  t.match(oneLine(t, await run('keys', 'revoke', id), 1), /^latchkey: .*admin:write/);
  const wrong = await cli(['keys', 'list', '--server', url], { LATCHKEY_TOKEN: 'a.b.c' });
  t.match(
    oneLine(t, wrong, 1),
    /^latchkey: the management token was refused: .* \(LATCHKEY_TOKEN; "latchkey token" makes one\)$/,
  );
  t.match(JSON.parse((await cli(['keys', 'list', '--server', url, '--json'], { LATCHKEY_TOKEN: 'a.b.c' })).stderr), {
    error: { code: 'TOKEN_INVALID' },
  });
});

t.test('which server, and which token', async (t) => {
  const { token, url } = await serveManagement(t);
  const good = await token();
  const file = join(folder(t), 'token');
  writeFileSync(file, `${good}\n`, { mode: 0o600 });
  const list = (args: readonly string[], environment: Environment): Promise<Result> =>
    cli(['keys', 'list', ...args], environment);
  t.match(await list([], { LATCHKEY_SERVER: url, LATCHKEY_TOKEN_FILE: file }), { code: 0, stderr: 'No keys.\n' });
  t.match(await list(['--server', url], { LATCHKEY_SERVER: 'http://x', LATCHKEY_TOKEN: good }), { code: 0 });
  chmodSync(file, 0o644);
  t.equal(
    (await list(['--server', url], { LATCHKEY_TOKEN_FILE: file })).stderr,
    `latchkey: warning: ${file} can be read by others; make it yours alone: chmod 600 ${file}\nNo keys.\n`,
  );
  chmodSync(file, 0o600);
  const refused = async (args: readonly string[], environment: Environment): Promise<string> =>
    oneLine(t, await list(args, environment), 2).replace('latchkey: ', '');
  for (const local of [['--store', 'sqlite:x'], ['--config', 'x'], ['--no-config']]) {
    t.equal(
      await refused(['--server', url, ...local], { LATCHKEY_TOKEN: good }),
      `--server and ${local[0]} contradict each other; give one of them`,
    );
  }
  const store = `sqlite:${join(folder(t), 'keys.db')}`;
  t.match(
    await list(['--no-config', '--store', store], { LATCHKEY_SERVER: 'http://127.0.0.1:1' }),
    { code: 0 },
    'an option says more than the environment',
  );
  t.match(
    await refused(['--server', url], {}),
    /^a management token is needed: set LATCHKEY_TOKEN, or LATCHKEY_TOKEN_FILE/,
  );
  t.match(
    await refused(['--server', url], { LATCHKEY_TOKEN: 'a', LATCHKEY_TOKEN_FILE: file }),
    /contradict each other/,
  );
  t.match(await refused(['--server', url], { LATCHKEY_TOKEN_FILE: `${file}x` }), /^LATCHKEY_TOKEN_FILE: .*\(ENOENT\)$/);
  t.equal(
    await refused(['--server', url], { LATCHKEY_TOKEN: 'two words' }),
    'LATCHKEY_TOKEN: what it holds is no token',
  );
  t.match(await refused(['--server', 'latchkey.test'], { LATCHKEY_TOKEN: 'a' }), /^--server: is no URL; expected/);
  t.match(
    await refused([], { LATCHKEY_SERVER: 'ftp://x' }),
    /^LATCHKEY_SERVER: "ftp:\/\/x" does not begin with https:\/\/ or http:\/\/; expected/,
  );
  const withPassword = await refused(['--server', 'https://u:hunter2@x'], { LATCHKEY_TOKEN: 'a' });
  t.match(withPassword, /^--server: has a user or a password/);
  t.notMatch(withPassword, 'hunter2');
  t.match(await refused(['--server', 'http://x/?a=b'], { LATCHKEY_TOKEN: 'a' }), /has a query/);
});

t.test('a server that is none says so in one line', async (t) => {
  const html = createServer((_request, response) => response.setHeader('content-type', 'text/html').end('<html>'));
  await new Promise<void>((resolve) => html.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    html.closeAllConnections();
    html.close();
  });
  const { port } = html.address() as { port: number };
  const list = (url: string): Promise<Result> => cli(['keys', 'list', '--server', url], { LATCHKEY_TOKEN: 'a' });
  t.equal(
    oneLine(t, await list(`http://localhost:${port}/x/`), 1),
    `latchkey: http://localhost:${port}/x answers 200 with text/html, not as the management API of Latchkey would; is the URL right?`,
  );
  t.match(oneLine(t, await list('http://127.0.0.1:1'), 1), /^latchkey: http:\/\/127\.0\.0\.1:1 does not answer/);
  const { stderr } = await list('http://latchkey.invalid');
  t.match(
    stderr,
    /^latchkey: warning: http:\/\/latchkey\.invalid is not encrypted; whoever is on the way can take the token\n/,
  );
});

t.test('who follows a log is told that the connection was lost, and that it is back', async (t) => {
  let asked = 0;
  const gateway = createServer((_request, response) => {
    asked++;
    const entry = JSON.stringify({ ...LOG_ENTRY, endpoint: `/${asked}` });
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`id: ${asked}\ndata: ${entry}\n\n`);
    if (asked === 1) setImmediate(() => response.write(':', () => response.destroy()));
  });
  await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    gateway.closeAllConnections();
    gateway.close();
  });
  const url = `http://127.0.0.1:${(gateway.address() as { port: number }).port}`;
  const { code, stdout, stderr } = await cli(['keys', 'logs', 'key_a', '--follow', '--limit', '2', '--server', url], {
    LATCHKEY_TOKEN: 'a',
  });
  t.match([code, stdout], [0, / \/1 [^]* \/2 /]);
  t.equal(
    stderr,
    `latchkey: the connection was lost and is tried again: ${url} cut the connection\nlatchkey: the connection is back\n`,
  );
});

t.test('a gateway that runs, a token for it, and the commands on it', async (t) => {
  const cwd = folder(t);
  const serving = await serve(t, ['--upstream', 'http://127.0.0.1:9', ...ANYWHERE], { cwd });
  t.match(serving.stderr, '; a token for it: npx latchkey token --subject you --permission admin:write\n');
  const token = (await latchkey(['token', '--subject', 'you', '--permission', 'admin:write'], { cwd })).stdout.trim();
  const environment = { LATCHKEY_SERVER: serving.managementUrl, LATCHKEY_TOKEN: token };
  const made = await cli(['keys', 'create', '--name', 'a', '--json'], environment);
  t.equal(made.code, 0, made.stderr);
  const key = JSON.parse(made.stdout) as KeyIssued;
  t.equal(key.owner, 'you');
  t.not((await serving.get('/', key.secret)).status, 401, 'it opens the gateway');
  const followed = latchkey(['keys', 'logs', key.id, '--follow', '--from', '1h', '--limit', '1', '--json'], {
    cwd,
    env: environment,
  });
  t.match(JSON.parse((await followed).stdout), { method: 'GET', endpoint: '/' });
  const proxy = await cli(['keys', 'list', '--server', serving.url], { LATCHKEY_TOKEN: token });
  t.equal(
    oneLine(t, proxy, 1),
    `latchkey: ${serving.url} is where the proxy listens; name the address of the management API (management.listen)`,
  );
});

t.test('without a management listener there is none', async (t) => {
  const args = ['--upstream', 'http://127.0.0.1:9', '--listen', '127.0.0.1:0', '--health-listen', '127.0.0.1:0'];
  const serving = await serve(t, [...args, '--management-listen', 'off', '--json'], { cwd: folder(t) });
  t.match(JSON.parse(serving.stdout.split('\n')[0] ?? ''), { management: null, proxy: { host: '127.0.0.1' } });
});
