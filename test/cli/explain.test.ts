/** `latchkey explain`: on a store and through a gateway, for people and for programs. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { explanationText } from '../../src/cli/explain/text.ts';
import { EXPLANATION } from '../../src/management/schemas/examples-explain.ts';
import { explanation } from '../../src/management/schemas/explain.ts';
import { serveManagement } from '../management/gateway.ts';
import { type Keys, keysIn } from './keys-fixture.ts';
import { cli, folder, type Result } from './run.ts';

const GET = ['--method', 'GET', '--path', '/api/domains'];

function explainIn({ config }: Keys): (...args: string[]) => Promise<Result> {
  return (...args) => cli(['explain', ...args, '--config', config]);
}

/** The words that a shell makes of a command line. */
function shellWords(command: string): string[] {
  const { stdout } = spawnSync('sh', ['-c', `printf '%s\\n' ${command}`], { encoding: 'utf8' });
  return stdout.trimEnd().split('\n');
}

t.test('a request that is refused, for a person', async (t) => {
  const keys = keysIn(t);
  const explain = explainIn(keys);
  const { id } = await keys.json('create', '--name', 'ci', '--preset', 'read_only', '--ip', '192.0.2.0/24');
  const asked = ['--key', id, ...GET, '--ip', '203.0.113.7', '--at', '2026-12-01T10:00:00Z', '--user-agent', 'curl/8'];
  const { code, stdout, stderr } = await explain(...asked);
  t.equal(code, 0, stderr);
  t.equal(stderr, '');
  const lines = stdout.split('\n');
  t.equal(lines[0], 'Refused: 403 ip_blocked');
  t.match(lines[1], /^Not allowed from this address: .*203\.0\.113\.7/);
  t.match(stdout, `\nKey         ${id} (ci)\n`);
  t.match(stdout, '\nRequest     GET /api/domains from 203.0.113.7 by "curl/8" at 2026-12-01 10:00:00Z\n');
  t.match(stdout, '\nRoute       GET /api/domains/*, which needs domains:read\nPermission  domains:read\n');
  t.match(stdout, '\nLimits      5 of 5 at once; 10 of 10 an hour; 100 of 100 a day\n');
  t.match(stdout, /\n✗ restrictions: ip +ip_blocked: /);
  t.match(stdout, /\n✓ authorize /);
  const command = `latchkey keys update ${id} --ip 192.0.2.0/24 --ip 203.0.113.7 --config ${keys.config}`;
  t.match(stdout, `\nWhat would let it through:\n  • add 203.0.113.7 to ip_restrictions (ip)\n      ${command}\n`);
});

t.test('what is said to help helps, as it is written', async (t) => {
  const keys = keysIn(t);
  const explain = explainIn(keys);
  for (const [made, asked] of [
    [['--permission', 'devices:read'], []],
    [
      ['--preset', 'read_only', '--ip', '192.0.2.1'],
      ['--ip', '203.0.113.7'],
    ],
    [['--preset', 'read_only', '--user-agent', "it's 'a bot*"], ["--user-agent=-a $HOME's"]],
    [
      ['--preset', 'read_only', '--hours', '09:00-10:00', '--days', 'mon'],
      ['--at', '2026-12-01T10:00:00Z'],
    ],
  ] as const) {
    const { id } = await keys.json('create', '--name', 'x', '--expires', '90d', ...made);
    const words = ['--key', id, ...GET, ...asked];
    const { stdout } = await explain(...words);
    t.match(stdout, /^Refused: 403 /);
    const command = /^ +(latchkey keys update .*)$/m.exec(stdout)?.[1] ?? '';
    const [, ...args] = shellWords(command);
    t.match(await cli(args), { code: 0 }, command);
    t.match((await explain(...words)).stdout, /^Let through\n/, command);
  }
  const { id } = await keys.json('create', '--name', 'x', '--preset', 'read_only');
  await keys.run('disable', id);
  const { stdout } = await explain('--key', id, ...GET);
  t.match(stdout, `\n      latchkey keys enable ${id} --config ${keys.config}\n`);
});

t.test('what is not given is not made up, and what is not wrong has no advice', async (t) => {
  const keys = keysIn(t);
  const explain = explainIn(keys);
  const { id } = await keys.json('create', '--name', 'x', '--preset', 'read_only', '--ip', '192.0.2.0/24');
  const open = await explain('--key', id, ...GET);
  t.match(open, { code: 0, stdout: /^Depends on what is not known\n/ });
  t.match(open.stdout, /\n\? restrictions: ip /);
  const passed = await explain('--key', id, '--method', 'get', '--path', '/api/domains?page=2', '--ip', '192.0.2.9');
  t.match(passed.stdout, /^Let through\n/);
  t.notMatch(passed.stdout, 'What would');
});

t.test('an empty User-Agent is none', async (t) => {
  const keys = keysIn(t);
  const explain = explainIn(keys);
  const { id } = await keys.json('create', '--name', 'x', '--preset', 'read_only', '--user-agent', 'acme/*');
  t.match((await explain('--key', id, ...GET)).stdout, /^Depends on what is not known\n/);
  const none = await explain('--key', id, ...GET, '--user-agent', '');
  t.match(none, { code: 0, stdout: /^Refused: 403 user_agent_blocked\n/ }, none.stderr);
  t.match(none.stdout, / without a User-Agent at /);
  t.match(await explain('--replay-stored', '--key', id, '--user-agent', ''), {
    code: 2,
    stderr: /--user-agent: "" is not/,
  });
});

t.test('when limits are whole again is told in hours and minutes', async (t) => {
  const example = explanation.parse(EXPLANATION);
  const plain = { paint: (_style: unknown, text: string) => text };
  const limits = {
    burst: { limit: 5, remaining: 4, full_in_ms: 1_500 },
    hour: { limit: 1000, remaining: 999, full_in_ms: 3_599_999 },
    day: { limit: 10_000, remaining: 5_000, full_in_ms: 43_961_000 },
    exact: true,
  };
  const text = explanationText({ ...example, limits }, [], plain);
  t.match(text, /^Limits {6}4 of 5 at once, all again in 2 s; 999 of 1,000 an hour, all again in 1 h; /m);
  t.match(text, /; 5,000 of 10,000 a day, all again in 12 h 13 min$/m);
  const open = explanationText({ ...example, limits: { ...limits, exact: false } }, [], plain);
  t.match(open, /^Limits {6}at least 4 of 5 at once, /m);
});

t.test('what a client or a namer chose cannot act on the terminal', async (t) => {
  const { admin, clock, store, token, url } = await serveManagement(t);
  // Bells and escape sequences, C1 controls, what turns the direction of text, and what ends a line.
  const odd = 'a\u0007\u001b[2J\u009b31m\u202e\u2066b\u2028c\r\n✓ authorize';
  const made = await admin.createKey({ name: 'x', permissions: ['domains:read'], user_agent_restrictions: ['acme/*'] });
  const record = await store.keys.get(made.id);
  if (record === null) throw new Error('the key is gone');
  // As an older version, or somebody with access to the store, may have written it.
  const id = 'key_00000000000000000000000e';
  await store.keys.create({ ...record, id, name: odd, secret: { ...record.secret, digest: 'e'.repeat(64) } });
  const entry = {
    keyId: id,
    requestId: 'req_odd',
    at: clock.now(),
    address: '203.0.113.7',
    userAgent: odd,
    method: 'GET',
  };
  const rest = { path: '/api/domains', route: null, status: 403, code: null, wouldDeny: [], durationUs: 0 };
  const bounds = { retentionMs: 86_400_000, maxEntries: 10 };
  await store.requests.append([{ keyId: id, entries: [{ ...entry, ...rest }], ...bounds }]);
  const { stdout, stderr } = await cli(
    ['explain', '--request', 'req_odd', '--server', url],
    { LATCHKEY_TOKEN: await token() },
    { clock },
  );
  t.match(stdout, /^Refused: 403 user_agent_blocked\n/);
  t.match(stdout, /\nKey +\S+ \(a\\u0007\\u001b\[2J\\u009b31m\\u202e\\u2066b\\u2028c\\u000d\\u000a✓ authorize\)\n/);
  t.match(stdout, / by "a\\u0007\\u001b\[2J\\u009b31m\\u202e\\u2066b\\u2028c\\r\\n✓ authorize" at /);
  for (const text of [stdout, stderr])
    t.notMatch(text.replaceAll('\n', ''), /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/u);
  t.equal(stdout.match(/^✓ authorize/gm)?.length, 1, 'no line of it passes for a check');
});

t.test('colours are for those who see them', async (t) => {
  const keys = keysIn(t);
  const { id } = await keys.json('create', '--name', 'x', '--preset', 'read_only', '--ip', '192.0.2.0/24');
  const at = new Date(Date.now() + 60_000).toISOString();
  const args = ['explain', '--key', id, ...GET, '--ip', '203.0.113.7', '--at', at, '--config', keys.config];
  const painted = await cli(args, {}, { paint: (style, text) => `<${style}>${text}</>` });
  t.match(painted.stdout, /^<red>Refused: 403 ip_blocked<\/>\n/);
  t.match(painted.stdout, '\n<red>✗</> restrictions: ip');
  t.match(painted.stdout, '\n<green>✓</> ');
  t.equal(painted.stdout.replace(/<\w*>|<\/>/g, ''), (await cli(args)).stdout);
});

t.test('through a gateway it is the answer of the API, and a request in a log is named by its id', async (t) => {
  const { admin, clock, store, token, url } = await serveManagement(t);
  const environment = { LATCHKEY_TOKEN: await token() };
  const run = (...args: string[]): Promise<Result> =>
    cli(['explain', ...args, '--server', url], environment, { clock });
  const { id } = await admin.createKey({ name: 'x', permissions: ['domains:read'], ip_restrictions: ['192.0.2.0/24'] });
  const request = { key_id: id, method: 'GET', path: '/api/domains', ip_address: '203.0.113.7' };
  const direct = await admin.explain(request);
  const json = await run('--key', id, ...GET, '--ip', '203.0.113.7', '--json');
  t.strictSame(JSON.parse(json.stdout), direct);
  t.match(
    (await run('--key', id, ...GET, '--ip', '203.0.113.7')).stdout,
    `latchkey keys update ${id} --ip 192.0.2.0/24 --ip 203.0.113.7 --server ${url}\n`,
  );
  const entry = {
    keyId: id,
    requestId: 'req_1',
    at: clock.now(),
    address: '203.0.113.7',
    userAgent: null,
    method: 'GET',
  };
  const rest = { path: '/api/domains', route: null, status: 403, code: 'ip_blocked', wouldDeny: [], durationUs: 0 };
  const bounds = { retentionMs: 86_400_000, maxEntries: 10 };
  await store.requests.append([{ keyId: id, entries: [{ ...entry, ...rest }], ...bounds }]);
  const { stdout } = await run('--request', 'req_1');
  t.match(stdout, /^Refused: 403 ip_blocked\n/);
  t.match(stdout, /\nRequest {5}GET \/api\/domains from 203\.0\.113\.7 without a User-Agent at /);
  t.match(stdout, /\nRecorded {4}req_1 at .*: answered 403 ip_blocked\n/);
  t.match((await run('--request', 'req_1', '--ip', '192.0.2.1')).stdout, /^Let through\n/);
  const unknown = await run('--request', 'req_2');
  t.match(
    [unknown.code, unknown.stdout, unknown.stderr],
    [1, '', /^latchkey: --request: no such request is in the log of a key that you can see[^\n]+\n$/],
  );
});

t.test('what is wrong is told by the option that it is about', async (t) => {
  const keys = keysIn(t);
  const explain = explainIn(keys);
  const { id } = await keys.json('create', '--name', 'x');
  const refused = async (code: number, ...args: string[]): Promise<string> => {
    const result = await explain(...args);
    t.match([result.code, result.stdout], [code, '']);
    t.match(result.stderr, /^latchkey: [^\n]+\n$/);
    return result.stderr;
  };
  t.match(await refused(2, ...GET), /option --key is missing: give --key, --method and --path, or --request/);
  t.match(await refused(2, '--key', id, '--method', 'GET'), /option --path is missing/);
  t.match(await refused(1, '--key', 'key_0', ...GET), /--key: there is no key "key_0"/);
  t.match(await refused(1, '--request', 'req_0'), /--request: no such request is in the log of a key that you can see/);
  t.match(await refused(2, '--key', id, '--method', 'FETCH', '--path', '/'), /--method: is no HTTP method/);
  t.match(await refused(2, '--key', id, '--method', 'GET', '--path', 'api'), /--path: does not begin with "\/"/);
  t.match(await refused(2, '--key', id, ...GET, '--ip', 'here'), /--ip: is no address/);
  t.match(await refused(2, '--key', id, ...GET, '--ip', '::1', '--ip', '::2'), /--ip is given twice/);
  t.match(await refused(2, '--key', id, ...GET, '--at', 'noon'), /--at: "noon" is not a time/);
  t.match(await refused(2, '--key', id, ...GET, '--permission', '*'), /--permission is for a replay/);
  t.match(await refused(2, '--replay-stored', '--method', 'GET'), /--method is about a single request/);
});

t.test('what only gateways know of addresses is said to be missing, and nothing is fetched', async (t) => {
  let fetched = 0;
  const list = createServer((_request, response) => {
    fetched++;
    response.end('192.0.2.1\n');
  }).listen(0, '127.0.0.1');
  await once(list, 'listening');
  t.teardown(() => list.close());
  const { port } = list.address() as { port: number };
  const kept = join(folder(t), 'exits.txt');
  const explained = async (more: string, test: Test, ...key: string[]): Promise<Result> => {
    const keys = keysIn(test, undefined, more);
    const { id } = (await keys.json('create', '--name', 'x', '--preset', 'read_only')) as { id: string };
    await keys.run('update', id, ...key);
    return explainIn(keys)('--key', id, ...GET, '--ip', '192.0.2.9');
  };
  const tor = `tor: { list_url: "http://127.0.0.1:${port}/", kept_file: ${JSON.stringify(kept)} }\n`;
  const blocked = await explained(tor, t, '--block-tor');
  t.match(blocked, { code: 0, stderr: /^latchkey: warning: the list of Tor exits is fetched by gateways[^\n]+\n$/ });
  t.match(await explained(tor, t, '--burst', '2'), { stdout: /^Let through/, stderr: '' }, 'where it does not matter');
  const country = `country: { database: ${JSON.stringify(join(folder(t), 'none.mmdb'))} }\n`;
  t.match(await explained(country, t, '--country', 'NL'), {
    code: 0,
    stderr: /^latchkey: warning: country\.database: /,
  });
  // What was asked for earlier would have come by now.
  await (await fetch(`http://127.0.0.1:${port}/`)).text();
  t.equal(fetched, 1, 'nobody else asked');
});
