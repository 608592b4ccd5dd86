/** What a replay reads: lines as they come, and what they tell of. */
import t from 'tap';
import { linesOf } from '../../src/cli/explain/replay-lines.ts';
import { fromStore, readLine } from '../../src/cli/explain/replay-parse.ts';
import { requestsInStore } from '../../src/cli/explain/replay-source.ts';
import type { Exchange } from '../../src/core/exchange.ts';
import type { LoggedRequest } from '../../src/core/request-log.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { createRequestLog } from '../../src/observe/request-log.ts';
import { ManualClock } from '../support/clock.ts';
import { keyRecord, sqliteStore } from '../support/keys.ts';

const AT = Date.UTC(2026, 10, 21, 12);

async function split(pieces: readonly (string | Buffer)[], max?: number): Promise<(string | null)[]> {
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for (const piece of pieces) yield Buffer.from(piece as string);
  }
  const lines: (string | null)[] = [];
  for await (const some of linesOf(bytes(), 'some.log', max)) lines.push(...some);
  return lines;
}

t.test('lines are the same wherever pieces end', async (t) => {
  const text = '\ufeff{"a":1}\r\n\n{"b":"é€𝄞"}\n{"c":3}';
  const expected = ['{"a":1}', '', '{"b":"é€𝄞"}', '{"c":3}'];
  t.strictSame(await split([text]), expected);
  t.strictSame(await split([...Buffer.from(text)].map((byte) => Buffer.from([byte]))), expected);
  t.strictSame(await split([`${text}\n`]), expected);
  t.strictSame(await split([]), []);
  t.strictSame(await split(['\n']), ['']);
});

t.test('a line that is too long is passed over, in one piece or in many', async (t) => {
  const long = 'x'.repeat(11);
  t.strictSame(await split([`a\n${long}\nb\n`], 10), ['a', null, 'b']);
  t.strictSame(await split(['a\n', ...Array<string>(50).fill(long), '\nb'], 10), ['a', null, 'b']);
  t.strictSame(await split([`a\n${long}`], 10), ['a', null]);
  t.strictSame(await split([`${'x'.repeat(10)}\n`], 10), ['x'.repeat(10)]);
});

t.test('compressed files are told from text', async (t) => {
  await t.rejects(split([Buffer.from([0x1f, 0x8b, 8, 0])]), {
    code: 'INPUT_FAILED',
    message: 'some.log is compressed (gzip); take it apart first: gunzip -c some.log | latchkey explain --replay -',
  });
  await t.rejects(split([Buffer.from([0x28, 0xb5, 0x2f, 0xfd])]), { message: /zstd -dc some\.log/ });
});

const EXCHANGE: Exchange = {
  requestId: 'req_1',
  method: 'GET',
  path: '/api/domains/5',
  route: 'GET /api/domains/*',
  address: '203.0.113.7',
  userAgent: 'curl/8',
  keyId: 'key_1',
  keyType: 'service',
  counted: null,
  owner: 'somebody',
  previousSecret: false,
  allowed: true,
  status: 200,
  code: null,
  wouldDeny: null,
  aborted: null,
  requestBytes: 0,
  responseBytes: 2,
  at: AT,
  durationMs: 1500.4,
  upstreamMs: 1,
  failure: null,
};

/** The line that the gateway writes. */
function logged(given: Partial<Exchange>): string {
  let line = '';
  const config = { level: 'info', format: 'json', requests: true } as const;
  const log = createLogger(config, {
    stdoutIsTerminal: false,
    destination: { write: () => true, on: () => undefined },
  });
  createRequestLog({ ...log, writeLine: (text) => (line = text) })({ ...EXCHANGE, ...given });
  return line;
}

const REQUEST = {
  keyId: 'key_1',
  requestId: 'req_1',
  at: AT,
  endedAt: AT + 1500,
  address: '203.0.113.7',
  userAgent: 'curl/8',
  method: 'GET',
  path: '/api/domains/5',
  code: null,
};

t.test('a line of the log of the gateway', async (t) => {
  t.strictSame(readLine(logged({}), null), [REQUEST]);
  t.strictSame(readLine(logged({}), 'key_2'), [REQUEST], 'the line says whose it is');
  const denied = logged({ keyId: null, userAgent: undefined, code: 'key_missing', allowed: false, status: 401 });
  t.strictSame(readLine(denied, 'key_2'), [{ ...REQUEST, keyId: null, userAgent: null, code: 'key_missing' }]);
  t.strictSame(readLine(logged({ path: '', code: 'request_rejected' }), null), ['no_path']);
  t.strictSame(readLine(logged({ path: `/${'x'.repeat(2000)}` }), null), ['path_cut']);
});

const ENTRY = {
  timestamp: new Date(AT + 1500).toISOString(),
  ip_address: '203.0.113.7',
  user_agent: 'curl/8',
  method: 'GET',
  endpoint: '/api/domains/5',
  route: null,
  status_code: 200,
  code: null,
  would_deny: [],
  response_time_ms: 1500.4,
  request_id: 'req_1',
};

t.test('an entry of the log of a key, and a list of them', async (t) => {
  t.strictSame(readLine(JSON.stringify(ENTRY), 'key_1'), [REQUEST]);
  t.strictSame(readLine(JSON.stringify(ENTRY), null), ['key_not_given']);
  const list = { logs: [{ ...ENTRY, request_id: 'req_2' }, ENTRY, 5], pagination: { limit: 3, next: null } };
  t.strictSame(readLine(JSON.stringify(list), 'key_1'), [
    'unreadable_line',
    REQUEST,
    { ...REQUEST, requestId: 'req_2' },
  ]);
  t.strictSame(readLine(JSON.stringify({ logs: [] }), null), []);
});

const STORED: LoggedRequest = {
  keyId: 'key_1',
  requestId: 'req_1',
  at: AT + 1500,
  address: '203.0.113.7',
  userAgent: 'curl/8',
  method: 'GET',
  path: '/api/domains/5',
  route: null,
  status: 200,
  code: null,
  wouldDeny: [],
  durationUs: 1_500_400,
};

t.test('an entry of the store', async (t) => {
  t.strictSame(fromStore(STORED), REQUEST);
});

t.test('other lines, and what is no line of a log', async (t) => {
  t.strictSame(readLine('{"level":"info","time":"2026-11-21T12:00:00.000Z","msg":"configuration reloaded"}', 'key_1'), [
    'no_request',
  ]);
  for (const text of ['GET /api 200', '{"msg":"request"', '[]', '"x"', 'null', '{"msg":"request"}', 'x'.repeat(100)]) {
    t.strictSame(readLine(text, 'key_1'), ['unreadable_line'], text.slice(0, 20));
  }
  const line = JSON.parse(logged({})) as Record<string, unknown>;
  for (const [name, value] of Object.entries({ time: 'soon', path: 7, method: '', ip_address: null, request_id: [] })) {
    t.strictSame(readLine(JSON.stringify({ ...line, [name]: value }), null), ['unreadable_line'], name);
  }
  for (const duration of ['long', -5, null]) {
    t.match(readLine(JSON.stringify({ ...line, duration_ms: duration }), null), [{ at: AT + 1500 }]);
  }
});

t.test('a time that no calendar of four digits has is none', async (t) => {
  const line = JSON.parse(logged({})) as Record<string, unknown>;
  const times: [string, boolean][] = [
    ['+275760-09-13T00:00:00.000Z', false],
    ['+010000-01-01T00:00:00.000Z', false],
    ['9999-12-31T23:59:59.999Z', true],
    ['1970-01-01T00:00:00.000Z', true],
    ['1969-12-31T23:59:59.999Z', false],
    ['-000001-01-01T00:00:00.000Z', false],
  ];
  for (const [time, isRead] of times) {
    const expected = [isRead ? { endedAt: Date.parse(time) } : 'unreadable_line'];
    t.match(readLine(JSON.stringify({ ...line, time }), null), expected, time);
    t.match(readLine(JSON.stringify({ ...ENTRY, timestamp: time }), 'key_1'), expected, time);
    t.match([fromStore({ ...STORED, at: Date.parse(time) })], expected, time);
  }
});

t.test('what the store keeps of every key, oldest first, however much it is', async (t) => {
  const clock = new ManualClock(AT);
  const store = await sqliteStore(t, clock);
  const keys = [keyRecord(), keyRecord()];
  for (const record of keys) await store.keys.create(record);
  for (const { id } of keys) {
    const entries = Array.from({ length: 1500 }, (_, i) => ({
      ...STORED,
      keyId: id,
      requestId: `req_${i}`,
      at: AT + i,
    }));
    await store.requests.append([{ keyId: id, entries, retentionMs: 86_400_000, maxEntries: 10_000 }]);
  }
  const read = async (keyId: string | null, from: number, to: number): Promise<string[]> => {
    const found: string[] = [];
    for await (const piece of requestsInStore(store, keyId, { from, to })) {
      for (const { found: each } of piece)
        found.push(typeof each === 'string' ? each : `${each.keyId} ${each.requestId}`);
    }
    return found;
  };
  const all = await read(null, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  t.equal(all.length, 3000);
  const [first] = keys;
  const own = Array.from({ length: 1500 }, (_, i) => `${first?.id} req_${i}`);
  t.strictSame(
    all.filter((each) => each.startsWith(`${first?.id} `)),
    own,
  );
  t.strictSame(await read(first?.id ?? '', AT + 2, AT + 3), own.slice(2, 4));
});
