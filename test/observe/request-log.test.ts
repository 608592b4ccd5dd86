import * as fc from 'fast-check';
import t from 'tap';
import type { Exchange } from '../../src/core/exchange.ts';
import { newSecret, SECRET_PATTERN } from '../../src/keys/secret.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { createRequestLog } from '../../src/observe/request-log.ts';
import { SEED } from '../support/random.ts';
import { capture } from './capture.ts';
import { exchange } from './exchange.ts';

type Level = 'info' | 'warn' | 'error' | 'silent';

async function logged(exchanges: readonly Exchange[], level: Level = 'info'): Promise<string> {
  const { stream, text } = capture();
  const log = createLogger({ level, format: 'json', requests: true }, { stdoutIsTerminal: false, destination: stream });
  const sink = createRequestLog(log);
  for (const one of exchanges) sink(one);
  await log.close();
  return text();
}

t.test('an exchange is one line with all that is known of it, and nothing that is not', async (t) => {
  t.strictSame(JSON.parse(await logged([exchange()])), {
    level: 'info',
    time: '2026-11-03T10:00:00.005Z',
    msg: 'request',
    request_id: 'req-1',
    method: 'GET',
    path: '/api/domains/7',
    route: 'GET /api/domains/:id',
    status: 200,
    key_id: 'key_0123456789abcdef',
    ip_address: '203.0.113.9',
    user_agent: 'curl/8.16.0',
    duration_ms: 7.123,
    upstream_ms: 5.25,
    request_bytes: 0,
    response_bytes: 512,
  });
  const failed = exchange({
    route: null,
    keyId: null,
    userAgent: undefined,
    upstreamMs: null,
    allowed: false,
    status: 502,
    code: 'upstream_unreachable',
    aborted: 'client',
    failure: 'ECONNREFUSED: connect',
    previousSecret: true,
  });
  const line = JSON.parse(await logged([failed]));
  t.match(line, { code: 'upstream_unreachable', aborted: 'client', failure: 'ECONNREFUSED: connect' });
  t.equal(line.previous_secret, true);
  for (const absent of ['route', 'key_id', 'user_agent', 'upstream_ms']) t.notOk(absent in line, absent);
});

t.test('what is in shadow and would have denied is information', async (t) => {
  const line = JSON.parse(await logged([exchange({ wouldDeny: ['ip_blocked', 'rate_limited'] })]));
  t.match(line, { level: 'info', status: 200, would_deny: ['ip_blocked', 'rate_limited'] });
  t.notOk('code' in line);
});

t.test("the gateway's own failures are warnings, the upstream's and the client's are not", async (t) => {
  const cases: [Partial<Exchange>, string][] = [
    [{ status: 200 }, 'info'],
    [{ status: 429, code: 'rate_limited' }, 'info'],
    [{ status: 500 }, 'info'],
    [{ status: 0, aborted: 'client' }, 'info'],
    [{ status: 504, code: 'upstream_timeout' }, 'warn'],
    [{ status: 503, code: 'overloaded' }, 'warn'],
    [{ status: 200, aborted: 'upstream' }, 'warn'],
    [{ status: 200, aborted: 'gateway' }, 'warn'],
  ];
  const all = cases.map(([changes]) => exchange(changes));
  const lines = (await logged(all)).trimEnd().split('\n');
  t.strictSame(
    lines.map((line) => JSON.parse(line).level),
    cases.map(([, level]) => level),
  );
  t.equal((await logged(all, 'warn')).trimEnd().split('\n').length, 4, 'the level of the log decides');
  t.equal(await logged(all, 'error'), '');
  t.equal(await logged(all, 'silent'), '');
});

t.test('no request can forge a line, leave ASCII or smuggle a secret into it', async () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom('\n{"level":"info"}\n', '","status":500,"x":"', '\u009b2J', '\u2028', '\u202e', '\ud800'),
    fc.constant(`a${newSecret('lk')}`),
  );
  const fields = fc.record({
    requestId: text,
    method: text,
    path: text,
    route: text,
    address: text,
    userAgent: text,
    keyId: text,
    failure: text,
  });
  await fc.assert(
    fc.asyncProperty(fields, async (changes) => {
      const written = await logged([exchange(changes)]);
      const line = JSON.parse(written);
      const isPlain = /^[ -~]*\n$/.test(written) && written.match(SECRET_PATTERN) === null;
      return isPlain && line.status === 200 && line.level === 'info';
    }),
    { seed: SEED, numRuns: 300 },
  );
});

t.test('the time is that of the end of the exchange, to the millisecond', async (t) => {
  const start = Date.UTC(2026, 11, 31, 23, 59, 59, 990);
  const ends = [0, 9.5, 10, 25, 1010, -1000];
  const lines = await logged(ends.map((durationMs) => exchange({ at: start, durationMs })));
  t.strictSame(
    lines
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).time),
    ends.map((durationMs) => new Date(start + durationMs).toISOString()),
  );
});

t.test('letters of other scripts come back as they were sent', async (t) => {
  const line = JSON.parse(await logged([exchange({ userAgent: 'Gerät "7" — 東京 😀\\' })]));
  t.equal(line.user_agent, 'Gerät "7" — 東京 😀\\');
});

t.test('what a client chose is bounded, and a secret across the bound is not left in half', async (t) => {
  const secret = newSecret('lk');
  const huge = 'x'.repeat(100_000);
  const [first, second] = (
    await logged([
      exchange({ requestId: huge, method: huge, path: huge, userAgent: huge, failure: huge }),
      exchange({ userAgent: `${'y'.repeat(215)} ${secret}` }),
    ])
  ).split('\n') as [string, string];
  t.ok(first.length < 4096, 'a line fits into one write to a pipe');
  t.match(JSON.parse(first), { user_agent: /^x{253}\.\.\.$/ });
  t.notMatch(second, secret.slice(0, 20));
});

t.test('more user agents than are remembered are still logged', async (t) => {
  const agents = Array.from({ length: 2000 }, (_, i) => `agent-${i % 1500}`);
  const lines = (await logged(agents.map((userAgent) => exchange({ userAgent })))).trimEnd().split('\n');
  t.strictSame(
    lines.map((line) => JSON.parse(line).user_agent),
    agents,
  );
});
