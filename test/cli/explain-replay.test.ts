/** `latchkey explain --replay` and `--replay-stored`: the log of a real gateway, decided again. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { KeyIssued } from '../../src/management/schemas/key.ts';
import { COMPILED, cli, ended, folder, type Result } from './run.ts';
import { ANYWHERE, serve } from './serving.ts';

interface Group {
  readonly key_id: string | null;
  readonly route: string | null;
  readonly code_before: string | null;
  readonly code_after: string | null;
  readonly requests: number;
  readonly example: { readonly request_id: string; readonly path: string };
}

interface Changed {
  readonly requests: number;
  readonly groups: readonly Group[];
}

interface Answer {
  readonly before: string;
  readonly after: object;
  readonly requests_read: number;
  readonly requests_replayed: number;
  readonly requests_without_key: number;
  readonly skipped: Readonly<Record<string, number>>;
  readonly unreadable_lines: readonly number[];
  readonly same: { readonly allowed: number; readonly denied: number };
  readonly newly_denied: Changed;
  readonly newly_allowed: Changed;
  readonly denied_differently: Changed;
  readonly permissions: readonly { readonly key_id: string; readonly would_do: readonly string[] }[];
  readonly notes: readonly string[];
}

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const path = folder(t);
const config = join(path, 'latchkey.yaml');
const log = join(path, 'gateway.log');

function configText(upstream: number, edit: (text: string) => string = (text) => text): string {
  return edit(`upstreams: [{ url: "http://127.0.0.1:${upstream}" }]
store: ${JSON.stringify(`sqlite:${join(path, 'keys.db')}`)}
access:
  public: [GET /status]
  any_key: [GET /api/whoami]
  permissions:
    domains:read: [GET /api/domains/*]
    domains:write: [POST /api/domains]
    devices:read: [GET /api/devices/*]
presets: { read_only: [domains:read, devices:read] }
tiers: { small: { per_hour: 10, per_day: 100, burst: 10 }, large: { per_hour: 1000, per_day: 10000, burst: 500 } }
key_types: { service: { tier: large, default_expiry: never } }
log: { format: json }
proxy: { drain_delay: 0s }
`);
}

let upstreamPort = 0;
let reader: KeyIssued;
let admin: KeyIssued;

async function make(...args: string[]): Promise<KeyIssued> {
  const { code, stdout, stderr } = await cli([
    'keys',
    'create',
    '--type',
    'service',
    ...args,
    '--config',
    config,
    '--json',
  ]);
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as KeyIssued;
}

/** 13 requests: 5 of the reader, one of which is refused; 6 of the other; 2 without a key, one of which is refused. */
t.before(async () => {
  const upstream = createServer((_request, answer) => answer.end('{}')).listen(0, '127.0.0.1');
  t.teardown(() => upstream.close());
  await once(upstream, 'listening');
  upstreamPort = (upstream.address() as AddressInfo).port;
  writeFileSync(config, configText(upstreamPort));
  reader = await make('--name', 'reader', '--preset', 'read_only', '--ip', '192.0.2.0/24', '--shadow', 'ip');
  admin = await make('--name', 'admin', '--permission', '*');
  const gateway = await serve(t, ['--config', config, ...ANYWHERE], { cwd: path });
  for (const target of ['/api/domains', '/api/domains/5?x=1', '/api/domains/6', '/api/whoami', '/nowhere']) {
    await gateway.get(target, reader.secret);
  }
  for (let i = 0; i < 6; i++) await gateway.get(`/api/domains/${i}`, admin.secret);
  await gateway.get('/status');
  await gateway.get('/api/whoami');
  gateway.child.kill('SIGTERM');
  await gateway.ended;
  const reloaded = '{"level":"info","time":"2026-11-21T12:00:00.000Z","msg":"the configuration is reloaded"}\n';
  writeFileSync(log, reloaded + gateway.stdout);
  upstream.close();
});

function explain(...args: string[]): Promise<Result> {
  return cli(['explain', ...args, '--config', config]);
}

async function replay(...args: string[]): Promise<Answer> {
  const { code, stdout, stderr } = await explain(...args, '--json');
  if (code !== 0 || stderr !== '') throw new Error(`exit code ${code}: ${stderr}`);
  return JSON.parse(stdout) as Answer;
}

/** Another configuration. */
function proposed(name: string, edit: (text: string) => string): string {
  const file = join(path, name);
  writeFileSync(file, configText(upstreamPort, edit));
  return file;
}

function groups({ groups }: Changed): unknown[] {
  return groups.map((group) => [group.requests, group.key_id, group.route, group.code_before, group.code_after]);
}

t.test('an unchanged configuration changes nothing, and neither does none', async (t) => {
  for (const args of [['--proposed', config], []]) {
    const answer = await replay('--replay', log, ...args, '--fail-on-denied');
    t.match(answer, {
      requests_read: 13,
      requests_replayed: 13,
      requests_without_key: 2,
      same: { allowed: 11, denied: 2 },
    });
    for (const { requests } of [answer.newly_denied, answer.newly_allowed, answer.denied_differently])
      t.equal(requests, 0);
    t.match(answer.before, args.length === 0 ? 'recorded' : 'today');
    t.match(answer.after, { config, is_proposed: args.length > 0, changed_key: null });
    t.strictSame(answer.skipped, { no_request: 1 });
  }
});

t.test('a route that asks for another permission', async (t) => {
  const file = proposed('permission.yaml', (text) =>
    text.replace('domains:write: [', 'domains:write: [GET /api/domains, '),
  );
  const answer = await replay('--replay', log, '--proposed', file);
  t.strictSame(groups(answer.newly_denied), [[1, reader.id, 'GET /api/domains', null, 'permission_denied']]);
  t.match(answer.newly_denied.groups, [{ example: { request_id: /^req_/, path: '/api/domains' } }]);
  t.match(answer.same, { allowed: 10, denied: 2 });
  const denied = await explain('--replay', log, '--proposed', file, '--fail-on-denied');
  t.equal(denied.code, 1);
  t.match(denied.stdout, /^Newly denied: +1$/m);
  t.match(
    denied.stdout,
    new RegExp(`^ +1 +${reader.id} +reader +GET /api/domains +permission_denied +\\d{4}-.*Z +req_`, 'm'),
  );
});

t.test('a key that is changed', async (t) => {
  const answer = await replay('--replay', log, '--key', admin.id, '--ip', '192.0.2.1', '--ip', '192.0.2.2');
  t.strictSame(groups(answer.newly_denied), [[6, admin.id, 'GET /api/domains/*', null, 'ip_blocked']]);
  t.strictSame(answer.skipped['other_key'], 7);
  t.match(answer, { before: 'today', after: { changed_key: admin.id, is_proposed: false } });
  const limits = await replay('--replay', log, '--key', admin.id, '--burst', '2', '--per-hour', '4');
  t.strictSame(groups(limits.newly_denied), [[4, admin.id, 'GET /api/domains/*', null, 'rate_limited']]);
  const without = await replay('--replay', log, '--key', admin.id, '--burst', '2', '--no-limits');
  t.equal(without.newly_denied.requests, 0);
  const cleared = await replay('--replay', log, '--key', reader.id, '--clear', 'preset');
  t.strictSame(groups(cleared.newly_denied), [[3, reader.id, 'GET /api/domains/*', null, 'permission_denied']]);
});

t.test('a key is changed to what the proposed configuration has', async (t) => {
  const file = proposed('both.yaml', (text) =>
    text.replace('domains:read: [', 'domains:list: [GET /api/domains]\n    domains:read: ['),
  );
  const change = ['--key', reader.id, '--permission', 'domains:list'];
  const answer = await replay('--replay', log, '--proposed', file, ...change);
  t.equal(answer.newly_denied.requests, 0);
  t.match(answer.after, { config: file, is_proposed: true, changed_key: reader.id });
  const alone = await replay('--replay', log, '--proposed', file);
  t.strictSame(groups(alone.newly_denied), [[1, reader.id, 'GET /api/domains', null, 'permission_denied']]);
  t.match(await explain('--replay', log, ...change), { code: 2, stderr: /--permission: "domains:list" is not known/ });
});

t.test('a tier that is lowered, and a restriction that is enforced', async (t) => {
  const lower = proposed('tier.yaml', (text) =>
    text.replace('per_hour: 1000, per_day: 10000, burst: 500', 'per_hour: 5, per_day: 50, burst: 5'),
  );
  const answer = await replay('--replay', log, '--proposed', lower);
  t.strictSame(groups(answer.newly_denied), [[1, admin.id, 'GET /api/domains/*', null, 'rate_limited']]);
  t.match(answer.notes, [/^Limits are simulated/]);
  // What is in shadow for one key comes out of it.
  const enforced = await replay('--replay', log, '--key', reader.id, '--clear', 'shadow');
  t.equal(enforced.newly_denied.requests, 4);
  t.strictSame(groups(enforced.denied_differently), [[1, reader.id, null, 'route_not_found', 'ip_blocked']]);
});

t.test('what the store keeps', async (t) => {
  const all = await replay('--replay-stored', '--proposed', config);
  t.match(all, { requests_read: 11, requests_replayed: 11, same: { allowed: 10, denied: 1 } });
  const one = await replay('--replay-stored', '--key', admin.id, '--permission', 'domains:write');
  t.strictSame(groups(one.newly_denied), [[6, admin.id, 'GET /api/domains/*', null, 'permission_denied']]);
  t.equal((await replay('--replay-stored', '--until', '1d')).requests_read, 0);
  t.equal((await replay('--replay-stored', '--since', '1d')).requests_read, 11);
  t.match((await replay('--replay', log, '--until', '1d')).skipped, { outside_period: 13 });
});

t.test('the log of a key, as a list and as lines', async (t) => {
  const { stdout } = await cli(['keys', 'logs', admin.id, '--config', config, '--json']);
  const { logs } = JSON.parse(stdout) as { logs: readonly unknown[] };
  const list = join(path, 'list.json');
  const lines = join(path, 'lines.json');
  writeFileSync(list, stdout);
  writeFileSync(
    lines,
    `${logs
      .toReversed()
      .map((entry) => JSON.stringify(entry))
      .join('\r\n')}\r\n`,
  );
  for (const file of [list, lines]) {
    const answer = await replay('--replay', file, '--key', admin.id, '--burst', '4', '--per-hour', '4');
    t.match(answer, { requests_read: 6, same: { allowed: 4 } });
    t.strictSame(groups(answer.newly_denied), [[2, admin.id, 'GET /api/domains/*', null, 'rate_limited']]);
    const nobodys = await replay('--replay', file);
    t.strictSame(nobodys.skipped, { key_not_given: 6 });
    t.match(nobodys.notes, [/^no request was replayed: each of the 6 in .* was skipped$/, /--key ID says whose/]);
  }
});

t.test('permissions that are held and were never used', async (t) => {
  const { permissions } = await replay('--replay', log);
  t.strictSame(
    permissions.map(({ key_id, would_do }) => [key_id, would_do]),
    [
      [admin.id, ['domains:read']],
      [reader.id, ['domains:read']],
    ],
  );
  const { stdout } = await explain('--replay', log);
  t.match(stdout, `${admin.id} (admin): 6 requests, `);
  t.match(stdout, '\n  * was used only as domains:read\n  would do: domains:read\n');
  t.match(stdout, `${reader.id} (reader): 4 requests, `);
  t.match(stdout, '\n  never used: devices:read (preset read_only)\n  would do: domains:read\n');
});

t.test('lines that cannot be read are told, and the others replayed', async (t) => {
  const file = join(path, 'odd.log');
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  const long = `{"msg":"request","path":"/${'x'.repeat(5 * 1024 * 1024)}"}`;
  writeFileSync(file, ['nonsense', ...lines, long, '', '{"half', '\u0000\u0001'].join('\r\n'));
  const answer = await replay('--replay', file, '--proposed', config);
  t.strictSame(answer.unreadable_lines, [1, lines.length + 2, lines.length + 4, lines.length + 5]);
  t.match(answer, { requests_replayed: 13, skipped: { unreadable_line: 4 } });
  const { stdout } = await explain('--replay', file);
  t.match(stdout, `\nSkipped:  4 lines or entries that cannot be read (line 1, ${lines.length + 2}, `);
});

t.test('entries of one line or entry that cannot be read are told with its number once', async (t) => {
  const file = join(path, 'odd-page.json');
  writeFileSync(file, `${JSON.stringify({ logs: [1, {}, null] })}\nnonsense\n`);
  t.strictSame((await replay('--replay', file)).unreadable_lines, [1, 2]);
  const { stdout } = await explain('--replay', file);
  t.match(stdout, '\nSkipped:  4 lines or entries that cannot be read (line 1, 2)\n');
});

t.test('a log for people is told from one for programs', async (t) => {
  const file = join(path, 'pretty.log');
  writeFileSync(file, '[12:00:00.000] INFO: GET /api/domains 200\n');
  const answer = await replay('--replay', file);
  t.strictSame(answer.unreadable_lines, [1]);
  t.match(answer.notes.slice(0, 2), [
    /^no request was replayed: there is none in /,
    /^No line is one of a log in JSON/,
  ]);
});

t.test('a replay of nothing says so, and fails a pipeline that asks whether something would be denied', async (t) => {
  const empty = join(path, 'empty.log');
  writeFileSync(empty, '');
  const cases: readonly (readonly [args: readonly string[], why: string])[] = [
    [['--replay', empty, '--proposed', config], `there is none in ${empty}`],
    [['--replay', log, '--since', '2d', '--until', '1d'], `each of the 13 in ${log} was skipped`],
    [['--replay-stored', '--until', '1d'], 'there is none in the store'],
  ];
  for (const [args, why] of cases) {
    const said = `no request was replayed: ${why}`;
    t.match(await explain(...args), { code: 0, stderr: `latchkey: warning: ${said}\n` });
    const failed = await explain(...args, '--fail-on-denied');
    const more = `${said}, so nothing is known of what would be denied`;
    t.match(failed, { code: 1, stdout: /^Replayed: 0 of /m, stderr: `latchkey: ${more}\n` });
    const json = await explain(...args, '--fail-on-denied', '--json');
    t.match(JSON.parse(json.stdout), { requests_replayed: 0, notes: [said] });
    t.match([json.code, JSON.parse(json.stderr)], [1, { error: { code: 'NOTHING_REPLAYED', message: more } }]);
  }
});

t.test('numbers are told as people say them', async (t) => {
  const [, first = ''] = readFileSync(log, 'utf8').split('\n');
  const one = join(path, 'one.log');
  const entry = JSON.parse(first) as Record<string, unknown>;
  const { key_id, ...nobodys } = entry;
  t.ok(key_id);
  writeFileSync(one, `${first}\nnonsense\n`);
  const { stdout } = await explain('--replay', one);
  t.match(stdout, /^Replayed: 1 of 1 request, of 1 key, \d{4}-/m);
  t.match(stdout, '\nSkipped:  1 line or entry that cannot be read (line 2)\n');
  writeFileSync(one, [entry, nobodys, nobodys, nobodys].map((line) => JSON.stringify(line)).join('\n'));
  t.match(
    (await explain('--replay', one)).stdout,
    /^Replayed: 4 of 4 requests, 3 of them without a known key, the others of 1 key, \d{4}-/m,
  );
  writeFileSync(one, JSON.stringify(nobodys));
  t.match((await explain('--replay', one)).stdout, /^Replayed: 1 of 1 request, 1 of them without a known key, \d{4}-/m);
});

t.test('names and paths cannot act on the terminal', async (t) => {
  const odd = 'a\u001b[2J\u009b31m\u202e\u2066b\u2028c\r\nReplayed: 99';
  const db = new DatabaseSync(join(path, 'keys.db'), { timeout: 10_000 });
  const { record } = db.prepare('SELECT record FROM keys WHERE id = ?').get(reader.id) as { record: string };
  const write = (text: string) => db.prepare('UPDATE keys SET record = ? WHERE id = ?').run(text, reader.id);
  t.teardown(() => {
    write(record);
    db.close();
  });
  write(JSON.stringify({ ...(JSON.parse(record) as object), name: odd }));
  const file = join(path, 'odd-names.log');
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n').slice(1);
  const renamed = lines.map((line) => ({ ...(JSON.parse(line) as object), request_id: odd, user_agent: odd }));
  writeFileSync(file, renamed.map((line) => JSON.stringify(line)).join('\n'));
  const { code, stdout, stderr } = await explain('--replay', file, '--key', reader.id, '--clear', 'preset');
  t.equal(code, 0, stderr);
  t.match(stdout, 'a\\u001b[2J\\u009b31m\\u202e\\u2066b\\u2028c\\u000d\\u000aReplayed: 99');
  t.notMatch((stdout + stderr).replaceAll('\n', ''), /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/u);
});

t.test('what cannot be replayed is said', async (t) => {
  const bad = join(path, 'bad.yaml');
  writeFileSync(bad, 'upstreams: []\nacces: {}\n');
  const file = join(path, 'log.gz');
  writeFileSync(file, Buffer.from([0x1f, 0x8b, 8, 0, 0, 0]));
  const cases: readonly (readonly [args: readonly string[], code: number, said: RegExp])[] = [
    [['--replay', log, '--proposed', bad], 1, /^\S*bad\.yaml:2:1.* did you mean "access"/m],
    [['--replay', log, '--proposed', join(path, 'none.yaml')], 1, /none\.yaml.*cannot be read/],
    [
      ['--replay', log, '--key', admin.id, '--tier', 'huge'],
      2,
      /^latchkey: --tier: "huge" is not known; expected one of small, large/,
    ],
    [['--replay', log, '--key', admin.id, '--ip', 'here'], 2, /--ip: "here" is not an address/],
    [['--replay', log, '--tier', 'small'], 2, /--tier would change a key; --key ID says which one/],
    [['--replay', log, '--key', 'key_000000000000000000000000'], 1, /there is no key/],
    [['--replay', log, '--replay-stored'], 2, /contradict each other/],
    [['--replay', log, '--since', '1h', '--until', '2h'], 2, /--since is later than --until/],
    [['--replay', join(path, 'none.log')], 1, /none\.log cannot be read: there is no such file/],
    [['--replay', path], 1, /cannot be read: it is a folder/],
    [['--replay', file], 1, /log\.gz is compressed \(gzip\); take it apart first: gunzip -c /],
  ];
  for (const [args, code, said] of cases) {
    const result = await explain(...args);
    t.match(result, { code, stdout: '', stderr: said }, args.join(' '));
  }
  const server = await cli(['explain', '--replay', log, '--server', 'http://127.0.0.1:1']);
  t.match(server, { code: 2, stderr: /a replay works on the store itself, not through a server/ });
  const environment = { LATCHKEY_SERVER: 'http://127.0.0.1:1', LATCHKEY_CONFIG: config };
  t.match(await cli(['explain', '--replay', log], environment), { code: 2, stderr: /not through a server/ });
});

t.test('standard input, in a process of its own', async (t) => {
  const args = [
    'explain',
    '--replay',
    '-',
    '--config',
    config,
    '--key',
    admin.id,
    '--burst',
    '1',
    '--per-hour',
    '1',
    '--fail-on-denied',
  ];
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: path,
    env: { PATH: process.env['PATH'] ?? '', HOME: path, NODE_COMPILE_CACHE: COMPILED },
    stdio: 'pipe',
  });
  createReadStream(log).pipe(child.stdin);
  const result = await ended(child);
  t.equal(result.stderr, '');
  t.equal(result.code, 1);
  t.match(result.stdout, /^Newly denied: +5$/m);
});
