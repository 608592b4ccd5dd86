/** What the log and the metrics are told of each call. */
import { Writable } from 'node:stream';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { z } from 'zod';
import type { ManagementAnswer } from '../../src/management/answer.ts';
import { answerLog } from '../../src/management/answer-log.ts';
import { ManagementCounters } from '../../src/management/counters.ts';
import { endpoint } from '../../src/management/endpoint.ts';
import type { ManagementServerOptions } from '../../src/management/server.ts';
import { NOON } from '../support/clock.ts';
import { exchange, rawClient } from '../support/raw-client.ts';
import { start } from './fixture.ts';

const about = { tag: 'T', summary: 's', answers: { 200: null } } as const;

/** A listener, and what it tells of answers. */
async function listening(t: Test, changes: Partial<ManagementServerOptions> = {}) {
  const answers: ManagementAnswer[] = [];
  let wake = (): void => undefined;
  const onAnswer = (answer: ManagementAnswer): void => {
    answers.push(answer);
    wake();
  };
  /** The answer that was told last, when there are so many. */
  const told = async (count: number): Promise<ManagementAnswer> => {
    while (answers.length < count) await new Promise<void>((resolve) => (wake = resolve));
    const last = answers[count - 1];
    if (last === undefined || answers.length > count) throw new Error(`${answers.length} were told`);
    return last;
  };
  const callers: (number | null)[] = [];
  const started = await start(
    t,
    [
      endpoint({
        ...about,
        method: 'GET',
        path: '/things/{id}',
        operationId: 'getThing',
        query: z.strictObject({ token: z.string().optional() }),
        handle: async ({ caller }) => {
          callers.push(caller.expiresAt);
          started.clock.advance(7);
          return { status: 200, body: 1 };
        },
      }),
      endpoint({
        ...about,
        method: 'POST',
        path: '/things',
        operationId: 'addThing',
        body: z.unknown(),
        handle: async () => {
          throw new Error('hunter2');
        },
      }),
      endpoint({
        ...about,
        method: 'GET',
        path: '/follow',
        operationId: 'follow',
        streams: true,
        handle: async () => ({
          status: 200,
          events: (async function* () {
            yield { data: 1 };
            throw new Error('hunter2');
          })(),
        }),
      }),
    ],
    {
      onAnswer,
      documents: [{ path: '/openapi.json', type: 'application/json', body: () => '{}' }],
      ...changes,
    },
  );
  return { ...started, answers, told, callers };
}

t.test('each call is told once: what it was, who asked, and how it was answered', async (t) => {
  const { ask, send, told, url } = await listening(t);
  await ask('/things/key_secret?token=hunter2', { headers: { 'x-request-id': 'r1' } });
  const first = await told(1);
  t.match(first, {
    requestId: 'r1',
    method: 'GET',
    operation: 'getThing',
    path: '/things/{id}',
    subject: 'alice',
    address: '127.0.0.1',
    status: 200,
    code: null,
    tokenFault: null,
    durationMs: 7,
  });
  t.notMatch(JSON.stringify(first), /hunter2|key_secret/);
  await send('POST', '/things', {});
  t.match(await told(2), { operation: 'addThing', status: 500, code: 'internal', subject: 'alice' });
  await ask('/nowhere');
  t.match(await told(3), { operation: null, path: null, status: 404, code: 'not_found', subject: null });
  await fetch(`${url}/openapi.json`);
  t.match(await told(4), { operation: null, path: '/openapi.json', status: 200, code: null });
  await fetch(`${url}/things/x`, { method: 'OPTIONS' });
  t.match(await told(5), { method: 'OPTIONS', status: 204 });
  await fetch(`${url}/things/x`);
  t.match(await told(6), {
    operation: 'getThing',
    status: 401,
    code: 'token_missing',
    tokenFault: null,
    subject: null,
  });
  for (let i = 7; i < 27; i++) {
    await ask('/things/x', { headers: { authorization: 'Bearer a.b.c' } });
    t.match(await told(i), { status: 401, code: 'token_invalid', tokenFault: 'malformed' });
  }
  await ask('/things/x', { headers: { authorization: 'Bearer a.b.c' } });
  t.match(await told(27), { status: 429, code: 'too_many_failures', tokenFault: 'malformed' });
  await t.rejects((await ask('/follow')).text());
  t.match(await told(28), { operation: 'follow', status: 200, code: 'internal' }, 'when the stream is over');
});

t.test('what is no request, or not a whole one, is told too', async (t) => {
  const { port, raw, told } = await listening(t, { timeouts: { head: 100, request: 200 } });
  const nonsense = await exchange(t, port, 'nonsense\r\n\r\n');
  const nothing = { method: null, operation: null, path: null, subject: null, address: '127.0.0.1' };
  t.match(await told(1), { ...nothing, status: 400, code: 'request_invalid' });
  t.equal((nonsense.json() as { request_id: string }).request_id, (await told(1)).requestId);
  const late = await exchange(
    t,
    port,
    `${raw('POST', '/things', 'Content-Type: application/json\r\nContent-Length: 9\r\n')}{`,
  );
  t.match(await told(2), { operation: 'addThing', subject: 'alice', status: 408, code: 'request_timeout' });
  t.equal((late.json() as { request_id: string }).request_id, (await told(2)).requestId);
  const client = await rawClient(t, port);
  client.send(raw('POST', '/things', 'Content-Type: application/json\r\nContent-Length: 9\r\n'));
  client.close();
  t.match(await told(3), { operation: 'addThing', status: 0, code: null }, 'a client that leaves is sent nothing');
});

t.test('to be told of answers may fail', async (t) => {
  const { ask } = await listening(t, {
    onAnswer: () => {
      throw new Error('a');
    },
  });
  t.equal((await ask('/things/x')).status, 200);
  t.equal((await ask('/things/x')).status, 200);
});

t.test('whoever is asked knows when the token of its caller ends', async (t) => {
  const { ask, callers } = await listening(t);
  await ask('/things/x');
  t.strictSame(callers, [NOON + 3_600_000]);
});

const answer: ManagementAnswer = {
  requestId: 'r1',
  method: 'GET',
  operation: 'getThing',
  path: '/things/{id}',
  subject: 'alice',
  address: '192.0.2.1',
  status: 200,
  code: null,
  tokenFault: null,
  durationMs: 12,
};

t.test('the log has one line for each call, without what is not known', (t) => {
  const lines: string[] = [];
  const stream = new Writable({ write: (chunk, _encoding, done) => (lines.push(String(chunk)), done()) });
  const write = answerLog(pino({ base: null, timestamp: false }, stream));
  write(answer);
  write({ ...answer, operation: null, path: null, subject: null, status: 500, code: 'internal' });
  t.strictSame(
    lines.map((line) => JSON.parse(line) as unknown),
    [
      {
        level: 30,
        request_id: 'r1',
        method: 'GET',
        path: '/things/{id}',
        operation: 'getThing',
        status: 200,
        subject: 'alice',
        ip_address: '192.0.2.1',
        duration_ms: 12,
        msg: 'management call',
      },
      {
        level: 40,
        request_id: 'r1',
        method: 'GET',
        status: 500,
        code: 'internal',
        ip_address: '192.0.2.1',
        duration_ms: 12,
        msg: 'management call',
      },
    ],
  );
  t.end();
});

t.test('answers are counted by operation and status, failures by code, rejected tokens by reason', (t) => {
  const counters = new ManagementCounters();
  counters.count(answer);
  counters.count(answer);
  counters.count({ ...answer, status: 401, code: 'token_invalid', tokenFault: 'expired' });
  counters.count({ ...answer, operation: null, status: 0 });
  t.strictSame(
    [...counters.requests()],
    [
      { operation: 'getThing', status: 200, count: 2 },
      { operation: 'getThing', status: 401, count: 1 },
      { operation: null, status: 0, count: 1 },
    ],
  );
  t.equal(counters.denials.token_invalid.n, 1);
  t.equal(counters.denials.forbidden.n, 0, 'there before it first happens');
  t.equal(counters.rejectedTokens.expired.n, 1);
  t.equal(counters.rejectedTokens.issuer.n, 0);
  t.end();
});
