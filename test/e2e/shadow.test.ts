/** What is only tried out, what holds for everybody, and what cannot be read: through the real process. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isDeepStrictEqual } from 'node:util';
import t from 'tap';
import type { LogList } from '../../src/management/schemas/usage.ts';
import type { Serving } from '../cli/serving.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';
import { ask, Site, until } from './site.ts';

const ACCESS = 'access: { public: [GET /open], any_key: [GET /things] }\n';
const RESTRICTED = ['--ip', '192.0.2.1', '--user-agent', 'acme/*', '--per-hour', '1'];

interface Line {
  readonly status: number;
  readonly code?: string;
  readonly would_deny?: readonly string[];
  readonly key_id?: string;
  readonly failure?: string;
}

/** The lines of the log that tell of requests, once there are as many. */
async function requestLines(serving: Serving, count: number): Promise<Line[]> {
  await serving.until('"duration_ms":', count);
  const lines = serving.stdout.split('\n').filter((line) => line.includes('"duration_ms":'));
  return lines.map((line) => JSON.parse(line) as Line);
}

/** `latchkey_would_deny_total` by code, of those that were counted. */
async function wouldDeny({ healthUrl }: Serving): Promise<Record<string, number>> {
  const text = await (await fetch(`${healthUrl}/metrics`)).text();
  const found = text.matchAll(/^latchkey_would_deny_total\{code="(\w+)"\} ([1-9]\d*)$/gm);
  return Object.fromEntries([...found].map(([, code, count]) => [code, Number(count)]));
}

t.test('what is in shadow is let through, and is in the log, in the log of the key and in the metrics', async (t) => {
  const upstream = await startRawUpstream(t, (request) => request.ok('yes'));
  const site = new Site(t, { upstream: upstream.url, access: ACCESS });
  const tried = await site.create(...RESTRICTED, '--shadow', 'ip', '--shadow', 'user_agent', '--shadow', 'limits');
  const held = await site.create(...RESTRICTED);
  const serving = await site.serve();
  const url = `${serving.url}/things`;
  const first = await ask(url, tried.secret);
  const second = await ask(url, tried.secret);
  t.strictSame([first.status, second.status], [200, 200]);
  t.strictSame(
    [first, second].map(({ headers }) => headers.get('x-ratelimit-remaining')),
    ['0', '0'],
  );
  t.equal((await ask(url, held.secret)).code, 'ip_blocked');
  t.equal(upstream.requests.length, 2);

  const both = ['ip_blocked', 'user_agent_blocked'];
  const lines = await requestLines(serving, 3);
  t.match(lines, [
    { status: 200, would_deny: both, key_id: tried.id },
    { status: 200, would_deny: [...both, 'rate_limited'], key_id: tried.id },
    { status: 403, code: 'ip_blocked', key_id: held.id },
  ]);
  t.notOk(lines.some((line) => line.would_deny !== undefined && 'code' in line) || 'would_deny' in (lines[2] ?? {}));
  t.strictSame(await wouldDeny(serving), { ip_blocked: 2, user_agent_blocked: 2, rate_limited: 1 });
  const logs = async (...options: string[]) => (await site.json<LogList>('logs', tried.id, ...options)).logs;
  await until(async () => (await logs()).length === 2);
  t.match(await logs(), [
    { status_code: 200, code: null, would_deny: [...both, 'rate_limited'] },
    { status_code: 200, code: null, would_deny: both },
  ]);
});

t.test('rules for everybody, and what is in shadow for every key, come and go with a reload', async (t) => {
  const upstream = await startRawUpstream(t, (request) => request.ok('yes'));
  const site = new Site(t, { upstream: upstream.url, access: ACCESS });
  const { secret } = await site.create(...RESTRICTED.slice(0, 4));
  const serving = await site.serve();
  let made = 0;
  const answers = async (): Promise<(string | number)[]> => {
    const all = [
      ask(`${serving.url}/things`, secret),
      ask(`${serving.url}/things`, 'wrong'),
      ask(`${serving.url}/open`, ''),
    ];
    made += all.length;
    return (await Promise.all(all)).map(({ code, status }) => code ?? status);
  };
  const become = async (rules: string, expected: readonly (string | number)[]): Promise<void> => {
    site.configure({ more: `restrictions: ${rules}\n` });
    serving.child.kill('SIGHUP');
    await until(async () => isDeepStrictEqual(await answers(), expected));
  };
  /** What is counted of these requests. */
  const counted = async (): Promise<Record<string, number>> => {
    // A request is counted after its answer, and before its line in the log.
    await serving.until('"duration_ms":', made);
    const before = await wouldDeny(serving);
    await answers();
    await serving.until('"duration_ms":', made);
    const counts = Object.entries(await wouldDeny(serving)).map(
      ([code, n]) => [code, n - (before[code] ?? 0)] as const,
    );
    return Object.fromEntries(counts.filter(([, n]) => n > 0));
  };
  t.strictSame(await answers(), ['ip_blocked', 'key_not_found', 200]);
  // The key is in memory by now.
  await become('{ shadow: [ip, user_agent] }', [200, 'key_not_found', 200]);
  t.strictSame(await counted(), { ip_blocked: 1, user_agent_blocked: 1 });
  const everybody = ['ip_blocked', 'ip_blocked', 'ip_blocked'];
  const here = '127.0.0.0/8, "::1"';
  await become(`{ ip: { deny: [${here}] }, shadow: [ip, user_agent] }`, everybody);
  t.strictSame(await counted(), {});
  await become(`{ ip: { deny: [${here}], mode: shadow }, shadow: [ip, user_agent] }`, [200, 'key_not_found', 200]);
  t.strictSame(await counted(), { ip_blocked: 3, user_agent_blocked: 1 }, 'a code counts once for each request');
  await become('{ ip: { allow: [192.0.2.0/24] } }', everybody);
  await become('{}', ['ip_blocked', 'key_not_found', 200]);
});

t.test(
  'a key that cannot be read, or a restriction on one, refuses that key alone, and the log says why',
  async (t) => {
    const upstream = await startRawUpstream(t, (request) => request.ok('yes'));
    const site = new Site(t, { upstream: upstream.url, access: ACCESS });
    const [good, restricted, damaged] = [await site.create(), await site.create(), await site.create()];
    const db = new DatabaseSync(join(site.cwd, 'keys.db'), { timeout: 10_000 });
    const change = (id: string, changes: (record: { restrictions: object }) => object): void => {
      const { record } = db.prepare('SELECT record FROM keys WHERE id = ?').get(id) as { record: string };
      db.prepare('UPDATE keys SET record = ? WHERE id = ?').run(JSON.stringify(changes(JSON.parse(record))), id);
    };
    change(restricted.id, (record) => ({
      ...record,
      restrictions: { device_restrictions: ['x'] },
      shadow: ['device'],
    }));
    change(damaged.id, (record) => ({ ...record, quorum: 2 }));
    db.close();
    const serving = await site.serve();
    const answers = [];
    for (const { secret } of [good, restricted, damaged, good])
      answers.push(await ask(`${serving.url}/things`, secret));
    t.strictSame(
      answers.map(({ status, code }) => code ?? status),
      [200, 'restriction_unreadable', 'key_store_unavailable', 200],
    );
    for (const { body } of answers) t.notMatch(body, /device|quorum/, 'which is none of the caller’s business');
    t.match(await requestLines(serving, 4), [
      { status: 200 },
      { status: 403, key_id: restricted.id, failure: '"device_restrictions" is no restriction of this version' },
      {
        status: 503,
        code: 'key_store_unavailable',
        failure: new RegExp(`${damaged.id} cannot be understood at "quorum"`),
      },
      { status: 200 },
    ]);
    t.equal(upstream.requests.length, 2);
  },
);
