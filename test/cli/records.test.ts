/** Usage, requests, roles and the audit log on the command line, on a store of the test's own. */

import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import { loadConfig } from '../../src/config/load.ts';
import type { LoggedRequest } from '../../src/core/request-log.ts';
import { dayOf, type UsageDelta } from '../../src/core/usage.ts';
import type { LogEntry, LogList } from '../../src/management/schemas/usage.ts';
import { type Management, openManagement } from '../../src/wiring.ts';
import { type Keys, keysIn } from './keys-fixture.ts';
import { cli, type Result } from './run.ts';

/** Opens the store that the commands work on. */
async function stored(keys: Keys): Promise<Management> {
  return openManagement(loadConfig(keys.config, {}).config);
}

/** One line on standard error. Returns it. */
function oneLine(t: Test, { code, stdout, stderr }: Result, expectedCode: number): string {
  t.equal(code, expectedCode);
  t.equal(stdout, '');
  t.match(stderr, /^[^\n]+\n$/);
  return stderr.trimEnd();
}

/** Counts requests of a key, of all keys and of an owner. */
async function use(keys: Keys, id: string): Promise<void> {
  const management = await stored(keys);
  const today = dayOf(Date.now());
  const deltas = ([`key:${id}`, 'owner:ann', 'all'] as const).flatMap((scope) =>
    [0, 1, 2].map(
      (ago): UsageDelta => ({
        scope,
        day: today - ago,
        hours: { 10: { requests: 1000 * (ago + 1), errors: 30, timeUs: 45_000_000 * (ago + 1) } },
        endpoints: { '/api/domains/*': 900 * (ago + 1), '/api/de\u202evices/*': 70 * (ago + 1), '': 30 * (ago + 1) },
        methods: { GET: 999 * (ago + 1), POST: ago + 1 },
        denials: { permission_denied: 30 },
      }),
    ),
  );
  await management.store.usage.record({ writer: 'test', number: 1, uses: [], deltas, keepFrom: 0 });
  await management.close();
}

t.test('usage of a key, an owner and of all', async (t) => {
  const keys = keysIn(t);
  const { id } = await keys.json('create', '--name', 'a', '--type', 'service', '--owner', 'ann');
  await use(keys, id);
  const usage = await keys.json<{ total_requests: number; error_rate: number }>('usage', id, '--period', '7d');
  t.match(usage, { key_id: id, period: '7d', total_requests: 6000, error_rate: 0.015, interval: 'day' });
  const { stdout, stderr } = await keys.run('usage', id, '--period', '7d');
  t.equal(stderr, '');
  t.match(
    stdout,
    new RegExp(
      `^${id}, \\d{4}-\\d\\d-\\d\\d to .* \\(7d, UTC\\)\n\nRequests   6,000\nErrors     1.50%\nAverage    45.0 ms\n`,
    ),
  );
  t.match(stdout, /\nRequests per day\n3,000 ┤ {16}███\n/, 'the highest day is as high as the chart');
  t.match(stdout, /\n {4}0 ┤ {16}███ ███ ███\n {7}\d{4}-\d\d-\d\d {8}\d{4}-\d\d-\d\d\n/);
  t.match(
    stdout,
    /\nBy endpoint\n {2}\/api\/domains\/\* +5,400 {2}█{26}\n {2}\/api\/de\\u202evices\/\* +420 {2}██\n {2}\(none\) +180 {2}▉\n/,
  );
  t.match(
    stdout,
    /\nBy method\n {2}GET {3}5,994 {2}█{26}\n {2}POST {6}6 {2}▏\n\nRefused, by reason\n {2}permission_denied +90 /,
  );
  t.equal((await keys.run('usage', id, '--period', '7d')).stdout, stdout, 'the same every time');
  t.match(await keys.json('usage', '--owner', 'ann'), { owner: 'ann', total_requests: 6000 });
  t.match((await keys.run('usage', '--all')).stdout, /^All keys, /);
  const hours = await keys.as(
    { columns: 60, stdoutIsTerminal: true },
    'usage',
    id,
    '--period',
    '30d',
    '--interval',
    'hour',
  );
  t.match(
    hours.stdout,
    '\nRequests per 14 hours\n',
    'what has more steps than the terminal has columns is put together',
  );
  for (const line of hours.stdout.split('\n').slice(1)) t.ok(Array.from(line).length <= 60, line);
});

t.test('usage of nothing, and of too much', async (t) => {
  const keys = keysIn(t);
  const { id } = await keys.json('create', '--name', 'a', '--type', 'service');
  const { stdout } = await keys.run('usage', id);
  t.match(stdout, /\n\nRequests   0\nErrors     0.00%\nAverage    0.0 ms\n$/);
  const said = 'latchkey: expected one of: the id of a key, --owner ID, --all';
  for (const args of [[], [id, '--all'], ['--all', '--owner', 'x']]) {
    t.equal(oneLine(t, await keys.run('usage', ...args), 2), said);
  }
  t.match(oneLine(t, await keys.run('usage', id, '--period', '1w'), 2), /--period: "1w" is not a number of days/);
  t.match(oneLine(t, await keys.run('usage', id, '--period', '300d', '--interval', 'hour'), 2), /31/);
  t.match(oneLine(t, await keys.run('usage', 'key_none'), 1), /there is no key/);
});

const BASE = Date.now() - 60_000;

/** Adds requests to a key's log, a second apart. */
async function log(keys: Keys, keyId: string, ...changes: readonly Partial<LoggedRequest>[]): Promise<void> {
  const management = await stored(keys);
  const entries = changes.map((change, i) => ({
    keyId,
    requestId: `req_${i}`,
    at: BASE + i * 1000,
    address: '192.0.2.1',
    userAgent: 'curl',
    method: 'GET',
    path: '/api/domains',
    route: '/api/domains/*',
    status: 200,
    code: null,
    wouldDeny: [],
    durationUs: 12_345,
    ...change,
  }));
  await management.store.requests.append([{ keyId, retentionMs: 86_400_000, maxEntries: 1000, entries }]);
  await management.close();
}

t.test('the requests of a key, the newest last', async (t) => {
  const keys = keysIn(t);
  const { id } = await keys.json('create', '--name', 'a', '--type', 'service');
  t.strictSame(await keys.run('logs', id), { code: 0, stdout: '', stderr: 'No requests.\n' });
  await log(
    keys,
    id,
    {},
    { path: '/api/x\u001b[31m', status: 403, code: 'permission_denied', method: 'DELETE' },
    { status: 502 },
  );
  const { stdout } = await keys.run('logs', id);
  const [first = '', second = '', third = ''] = stdout.trimEnd().split('\n');
  const time = (i: number): string => new Date(BASE + i * 1000).toISOString().replace('T', ' ');
  t.equal(first, `${time(0)}  200  GET        12.3 ms  192.0.2.1        /api/domains  req_0`);
  t.equal(second, `${time(1)}  403  DELETE     12.3 ms  192.0.2.1        /api/x\\u001b[31m  permission_denied  req_1`);
  t.match(third, /502 .* req_2$/);
  const ids = async (...args: string[]): Promise<string> =>
    (await keys.json<LogList>('logs', id, ...args)).logs.map((entry) => entry.request_id).join(' ');
  t.equal(await ids(), 'req_2 req_1 req_0', 'in JSON as the API has it');
  t.equal(await ids('--status', '4xx'), 'req_1');
  t.equal(await ids('--status', '200'), 'req_0');
  t.equal(await ids('--method', 'delete'), 'req_1');
  t.equal(await ids('--path', '/api/x'), 'req_1');
  t.equal(await ids('--from', '1h', '--to', new Date(BASE).toISOString()), 'req_0');
  const page = await keys.json<LogList>('logs', id, '--limit', '2');
  t.equal(await ids('--after', page.pagination.next ?? ''), 'req_0');
  t.match((await keys.run('logs', id, '--limit', '2')).stderr, /^There may be older ones: --after \S+\n$/);
  t.match(oneLine(t, await keys.run('logs', id, '--status', '600'), 2), '--status: "600" is not a status');
  t.match(oneLine(t, await keys.run('logs', id, '--from', 'x'), 2), '--from: "x" is not a time; expected 7d (ago)');
  t.match(oneLine(t, await keys.run('logs', id, '--from', '1h', '--to', '2h'), 2), /^latchkey: --from: /);
  t.match(oneLine(t, await keys.run('logs', id, '--follow', '--to', '1h'), 2), '--to cannot be given with it');
});

t.test('what is in shadow and would have refused a request is told', async (t) => {
  const keys = keysIn(t);
  const { id } = await keys.json('create', '--name', 'a', '--type', 'service');
  await log(keys, id, {}, { wouldDeny: ['ip_blocked', 'rate\u001b_limited'] }, { status: 404 });
  const { stdout } = await keys.run('logs', id, '--would-deny');
  t.match(stdout, /^\S+ \S+  200 .* \/api\/domains  would deny: ip_blocked, rate\\u001b_limited  req_1\n$/);
  t.equal((await keys.run('logs', id)).stdout.match(/would deny/g)?.length, 1);
  const { logs } = await keys.json<LogList>('logs', id);
  t.strictSame(
    logs.map((entry) => entry.would_deny),
    [[], ['ip_blocked', 'rate\u001b_limited'], []],
  );
});

t.test('requests are followed until somebody has seen enough', async (t) => {
  const keys = keysIn(t);
  const { id } = await keys.json('create', '--name', 'a', '--type', 'service');
  await log(keys, id, {}, { status: 404 }, {});
  const { code, stdout } = await keys.run('logs', id, '--follow', '--from', '1h', '--limit', '2', '--json');
  t.equal(code, 0);
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as LogEntry);
  t.strictSame(
    lines.map((entry) => entry.request_id),
    ['req_0', 'req_1'],
    'one object to a line, as they came',
  );
  const controller = new AbortController();
  const seen: string[] = [];
  const world = {
    interrupted: () => controller.signal,
    out: (text: string) => {
      seen.push(text);
      if (seen.length === 3) controller.abort();
    },
  };
  t.match(await keys.as(world, 'logs', id, '-f', '--from', '1h'), { code: 0, stderr: '' });
  t.equal(seen.length, 3);
});

t.test('roles are made, changed and removed', async (t) => {
  const keys = keysIn(t);
  const roles = (...args: string[]): Promise<Result> => cli(['roles', ...args, '--config', keys.config]);
  t.strictSame(await roles('list'), { code: 0, stdout: '', stderr: 'No roles.\n' });
  const made = await roles('create', 'on_call', '--permission', 'domains:*', '--description', 'at\nnight');
  t.strictSame(made, { code: 0, stdout: 'The role on_call is made.\n', stderr: '' });
  t.match(
    (await roles('list')).stdout,
    /^NAME +PERMISSIONS +DESCRIPTION +UPDATED\non_call +domains:\* +at\\u000anight +\d{4}-/,
  );
  t.match((await roles('show', 'on_call')).stdout, 'Permissions   domains:*\n');
  t.match(JSON.parse((await roles('list', '--json')).stdout), { roles: [{ name: 'on_call', version: 1 }] });
  t.match(JSON.parse((await roles('update', 'on_call', '--clear', 'permissions', '--json')).stdout), {
    permissions: [],
    description: 'at\nnight',
  });
  t.match(await roles('update', 'on_call', '--permission', 'devices:read', '--if-version', '2'), { code: 0 });
  t.equal(oneLine(t, await roles('create', 'on_call'), 1), 'latchkey: NAME: there is a role "on_call" already');
  t.match(oneLine(t, await roles('create', 'On Call'), 2), /^latchkey: NAME: expected lower-case letters/);
  t.match(
    oneLine(t, await roles('create', 'a', '--permission', 'x:y'), 2),
    /^latchkey: --permission: "x:y" is not known/,
  );
  t.match(oneLine(t, await roles('create', 'a', '--description', 'x'.repeat(2001)), 2), /^latchkey: --description: /);
  t.match(oneLine(t, await roles('update', 'on_call', '--if-version', '2', '--description', ''), 1), /version/);
  t.match(oneLine(t, await roles('update', 'on_call'), 2), 'nothing to change');
  t.match(oneLine(t, await roles('show', 'none'), 1), /there is no such role/);
  const asked = await roles('delete', 'on_call');
  t.match(asked, {
    code: 2,
    stderr: 'The role on_call gives devices:read. Every key that has it loses that within a second.',
  });
  t.match(await roles('delete', 'on_call', '--yes'), { code: 0, stdout: 'The role on_call is deleted.\n' });
});

t.test('who managed what', async (t) => {
  const keys = keysIn(t);
  const { id } = await keys.json('create', '--name', 'a', '--type', 'service');
  await keys.json('disable', id);
  const audit = (...args: string[]): Promise<Result> => cli(['audit', 'list', ...args, '--config', keys.config]);
  const [header = '', newest = '', oldest = ''] = (await audit()).stdout.split('\n');
  t.strictSame(header.trim().split(/ {2,}/), ['NO', 'TIME', 'ACTOR', 'FROM', 'ACTION', 'TARGET', 'CHANGED']);
  t.match(newest, new RegExp(`^ *2 .* local:\\S+ .* key\\.disable +${id} +status`));
  t.match(oldest, /^ *1 .* key\.create /);
  const found = JSON.parse((await audit('--action', 'key.create', '--target', id, '--json')).stdout) as object;
  t.match(found, { entries: [{ seq: 1, action: 'key.create', target: id, before: null, after: { name: 'a' } }] });
  t.strictSame(await audit('--actor', 'nobody'), { code: 0, stdout: '', stderr: 'No entries.\n' });
  t.match(oneLine(t, await audit('--action', 'key.made'), 2), '--action: "key.made" is not known; expected key.create');
  t.match((await audit('--limit', '1')).stderr, /^There may be older ones: --after \S+\n$/);
});

t.test('a chain that was not touched is whole; one that was, is not', async (t) => {
  const keys = keysIn(t);
  const verify = (...args: string[]): Promise<Result> => cli(['audit', 'verify', ...args, '--config', keys.config]);
  t.strictSame(await verify(), { code: 0, stdout: `The audit log is empty.\nHead: 0:${'0'.repeat(64)}\n`, stderr: '' });
  for (const name of ['one', 'two', 'three']) await keys.json('create', '--name', name, '--type', 'service');
  const whole = await verify();
  t.match(whole, { code: 0, stdout: /^The audit log is whole: 3 entries, \S+Z to \S+Z\.\nHead: 3:[0-9a-f]{64}\n$/ });
  const head = /Head: (\S+)/.exec(whole.stdout)?.[1] ?? '';
  await keys.json('create', '--name', 'four', '--type', 'service');
  t.match(await verify('--expect', head), { code: 0 }, 'what was noted is still there');
  t.match(JSON.parse((await verify('--json')).stdout), { ok: true, fault: null, entries: 4, first: 1, head: /^4:/ });
  t.equal(
    oneLine(t, await verify('--expect', `3:${'a'.repeat(64)}`), 1),
    'latchkey: the audit log is broken: entry 3 is not the one that was expected',
  );
  t.match(
    oneLine(t, await verify('--expect', `9:${'a'.repeat(64)}`), 1),
    'entry 9 was expected, and the last one is 4',
  );
  t.match(oneLine(t, await verify('--expect', '3'), 2), /^latchkey: --expect: "3" is no head/);

  const file = join(dirname(keys.config), 'keys.db');
  const tamper = async (sql: string, said: string): Promise<void> => {
    const db = new DatabaseSync(file);
    db.exec('SAVEPOINT before');
    db.exec(sql);
    db.exec('RELEASE before');
    db.close();
    t.equal(oneLine(t, await verify(), 1), `latchkey: the audit log is broken: ${said}`);
    const { stdout, code } = await verify('--json');
    t.equal(code, 1);
    t.match(JSON.parse(stdout), { ok: false, fault: said });
  };
  await tamper('DELETE FROM audit WHERE seq = 4', 'entry 4 is missing; the last one that was written is 4');
  await tamper("UPDATE audit SET json = replace(json, 'two', 'too') WHERE seq = 2", 'entry 2 was changed');
  await tamper('DELETE FROM audit WHERE seq = 2', 'entry 2 is missing');
});
