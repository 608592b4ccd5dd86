import { once } from 'node:events';
import { createServer } from 'node:net';
import t, { type Test } from 'tap';
import { z } from 'zod';
import { type Endpoint, endpoint } from '../../src/management/endpoint.ts';
import { ManagementError } from '../../src/management/failures.ts';
import { exchange, rawClient } from '../support/raw-client.ts';
import { problem, start } from './fixture.ts';

const THINGS = [
  endpoint({
    method: 'GET',
    path: '/things',
    operationId: 'listThings',
    tag: 'Things',
    summary: 'Lists things',
    answers: { 200: null },
    handle: async ({ caller }) => ({
      status: 200,
      body: { by: caller.subject, from: caller.from, may: [...caller.permissions], request: caller.requestId },
    }),
  }),
  endpoint({
    method: 'POST',
    path: '/things',
    operationId: 'makeThing',
    tag: 'Things',
    summary: 'Makes a thing',
    body: z.strictObject({ name: z.string() }),
    isIdempotent: true,
    answers: { 201: null },
    handle: async ({ body, idempotencyKey }) => ({
      status: 201,
      body: { ...body, key: idempotencyKey },
      version: 1,
      location: '/things/1',
    }),
  }),
  endpoint({
    method: 'GET',
    path: '/things/special',
    operationId: 'special',
    tag: 'Things',
    summary: 'A literal beside a parameter',
    answers: { 200: null },
    handle: async () => ({ status: 200, body: 'special' }),
  }),
  endpoint({
    method: 'GET',
    path: '/things/{id}',
    operationId: 'showThing',
    tag: 'Things',
    summary: 'Shows a thing',
    params: z.strictObject({ id: z.string() }),
    answers: { 200: null },
    isVersioned: true,
    handle: async ({ params }) => ({ status: 200, body: params, version: 7 }),
  }),
  endpoint({
    method: 'DELETE',
    path: '/things/{id}',
    operationId: 'deleteThing',
    tag: 'Things',
    summary: 'Deletes a thing',
    isVersioned: true,
    answers: { 204: null },
    handle: async ({ ifMatch }) => {
      if (ifMatch !== null && !ifMatch.includes(7)) throw new ManagementError('precondition_failed', 'It is at 7.');
      return { status: 204 };
    },
  }),
  endpoint({
    method: 'POST',
    path: '/things/{id}/parts/{part}',
    operationId: 'makePart',
    tag: 'Things',
    summary: 'Two parameters',
    answers: { 200: null },
    handle: async ({ params }) => ({ status: 200, body: params }),
  }),
];

function startThings(t: Test) {
  return start(t, THINGS, {
    documents: [
      { path: '/openapi.json', type: 'application/json', body: () => '{"openapi":"3.1.0"}' },
      { path: '/docs', type: 'text/html; charset=utf-8', headers: { 'X-Page': 'docs' }, body: () => Buffer.from('é') },
    ],
  });
}

t.test('requests are led to their endpoint, with what the path says and who asks', async (t) => {
  const { ask, token } = await startThings(t);
  const list = await ask('/things', { headers: { 'x-request-id': 'mine.1' } });
  t.equal(list.status, 200);
  t.strictSame(await list.json(), { by: 'alice', from: '127.0.0.1', may: ['admin:write'], request: 'mine.1' });
  t.strictSame(await (await ask('/things/special')).json(), 'special');
  t.strictSame(await (await ask('/things/x')).json(), { id: 'x' });
  t.strictSame(await (await ask('/things/special/parts/a', { method: 'POST' })).json(), { id: 'special', part: 'a' });
  t.equal((await ask('/things', { headers: { authorization: `bEARER ${token}` } })).status, 200);
});

t.test('a path parameter is decoded once', async (t) => {
  const { ask } = await startThings(t);
  t.strictSame(await (await ask('/things/a%2Fb%2520%C3%A9')).json(), { id: 'a/b%20é' });
  for (const path of ['/things/%', '/things/%zz', '/things/%ff', '/things/%C3', '/things?a=%ff']) {
    const answer = await ask(path);
    t.equal(answer.status, 400, path);
    t.equal((await problem(answer)).code, 'request_invalid');
  }
});

t.test('what is not there is not found: nothing is repaired', async (t) => {
  const { ask, port, raw } = await startThings(t);
  for (const path of ['/', '/thing', '/things/', '//things', '/things//parts/a', '/Things', '/things/a/b', '/docs/']) {
    const answer = await ask(path);
    t.equal(answer.status, 404, path);
    t.equal((await problem(answer)).code, 'not_found');
  }
  t.equal((await exchange(t, port, raw('GET', '/x/../things'))).status, 404);
  t.equal((await exchange(t, port, raw('GET', 'http://other.test/things'))).status, 400);
});

t.test('another method is told which there are', async (t) => {
  const { ask } = await startThings(t);
  const cases = [
    ['PUT', '/things', 'GET, POST, HEAD, OPTIONS'],
    ['POST', '/things/x', 'GET, DELETE, HEAD, OPTIONS'],
    ['DELETE', '/things/special', 'GET, HEAD, OPTIONS'],
    ['GET', '/things/x/parts/y', 'POST, OPTIONS'],
    ['POST', '/openapi.json', 'GET, HEAD, OPTIONS'],
    ['PROPFIND', '/things', 'GET, POST, HEAD, OPTIONS'],
  ] as const;
  for (const [method, path, allow] of cases) {
    const answer = await ask(path, { method });
    t.equal(answer.status, 405, `${method} ${path}`);
    t.equal(answer.headers.get('allow'), allow);
    t.equal((await problem(answer)).code, 'method_not_allowed');
  }
});

t.test('OPTIONS says what there is, and lets no other origin in', async (t) => {
  const { url } = await startThings(t);
  const headers = { origin: 'https://evil.test', 'access-control-request-method': 'POST' };
  const answer = await fetch(`${url}/things`, { method: 'OPTIONS', headers });
  t.equal(answer.status, 204);
  t.equal(answer.headers.get('allow'), 'GET, POST, HEAD, OPTIONS');
  t.strictSame(
    [...answer.headers.keys()].filter((name) => name.startsWith('access-control')),
    [],
  );
  t.equal(answer.headers.get('content-length'), null);
  t.equal((await fetch(`${url}/nothing`, { method: 'OPTIONS' })).status, 404);
});

t.test('HEAD answers as GET does, without the body', async (t) => {
  const { ask } = await startThings(t);
  const got = await ask('/things/x');
  const head = await ask('/things/x', { method: 'HEAD' });
  t.equal(head.status, 200);
  t.equal(head.headers.get('content-length'), String((await got.text()).length));
  t.equal(head.headers.get('etag'), '"v7"');
  t.equal(await head.text(), '');
  t.equal((await ask('/openapi.json', { method: 'HEAD' })).status, 200);
  t.equal((await ask('/things/x/parts/y', { method: 'HEAD' })).status, 405);
});

t.test('documents are public, everything else needs a token', async (t) => {
  const { url } = await startThings(t);
  const document = await fetch(`${url}/openapi.json?v=1`);
  t.equal(document.status, 200);
  t.equal(document.headers.get('content-type'), 'application/json');
  t.strictSame(await document.json(), { openapi: '3.1.0' });
  const page = await fetch(`${url}/docs`);
  t.equal(page.headers.get('x-page'), 'docs');
  t.equal(page.headers.get('content-length'), '2');
  t.equal(await page.text(), 'é');
  const answer = await fetch(`${url}/things`);
  t.equal(answer.status, 401);
  t.equal(answer.headers.get('www-authenticate'), 'Bearer realm="latchkey management"');
  // Word for word: what redacts secrets must leave the advice alone.
  t.match(await problem(answer), {
    code: 'token_missing',
    detail: 'Send a management token in the header Authorization, after "Bearer".',
  });
});

t.test('every answer has a request id and forbids caching and guessing', async (t) => {
  const { ask, url } = await startThings(t);
  const answers = [
    await ask('/things'),
    await ask('/nothing'),
    await ask('/things', { method: 'OPTIONS' }),
    await fetch(`${url}/things`),
    await fetch(`${url}/docs`),
  ];
  for (const answer of answers) {
    t.match(answer.headers.get('x-request-id'), /^req_[\w-]{20}$/);
    t.equal(answer.headers.get('cache-control'), 'no-store');
    t.equal(answer.headers.get('x-content-type-options'), 'nosniff');
  }
  const kept = await ask('/nothing', { headers: { 'x-request-id': 'a-b_c.1' } });
  t.equal(kept.headers.get('x-request-id'), 'a-b_c.1');
  t.equal((await problem(kept)).request_id, 'a-b_c.1');
  for (const odd of ['a b', 'x'.repeat(129), `lk_${'a'.repeat(49)}`]) {
    t.match((await ask('/things', { headers: { 'x-request-id': odd } })).headers.get('x-request-id'), /^req_/);
  }
});

t.test('what was made says where it is and which version it has', async (t) => {
  const { send } = await startThings(t);
  const answer = await send('POST', '/things', { name: 'n' }, { 'idempotency-key': '"k-1"' });
  t.equal(answer.status, 201);
  t.equal(answer.headers.get('location'), '/things/1');
  t.equal(answer.headers.get('etag'), '"v1"');
  t.equal(answer.headers.get('content-type'), 'application/json');
  t.strictSame(await answer.json(), { name: 'n', key: 'k-1' });
});

t.test('Idempotency-Key is visible ASCII, once', async (t) => {
  const { send, ask, port, raw } = await startThings(t);
  for (const key of ['', 'a b', 'é', 'x'.repeat(256), '""']) {
    const answer = await send('POST', '/things', { name: 'n' }, { 'idempotency-key': key });
    t.equal(answer.status, 400, JSON.stringify(key));
    t.equal((await problem(answer)).errors?.[0]?.header, 'Idempotency-Key');
  }
  const longest = await send('POST', '/things', { name: 'n' }, { 'idempotency-key': 'x'.repeat(255) });
  t.equal(longest.status, 201);
  t.equal(((await (await send('POST', '/things', { name: 'n' })).json()) as { key: unknown }).key, null);
  t.equal(
    (await ask('/things', { headers: { 'idempotency-key': 'a b' } })).status,
    200,
    'ignored where it is not honoured',
  );
  const twice = raw('GET', '/things', 'Idempotency-Key: a\r\nIdempotency-Key: b\r\n');
  t.equal((await exchange(t, port, twice)).status, 400);
});

t.test('If-Match meets the version that it names, in its strong form', async (t) => {
  const { ask } = await startThings(t);
  const status = async (value: string): Promise<number> =>
    (await ask('/things/x', { method: 'DELETE', headers: { 'if-match': value } })).status;
  for (const value of ['"v7"', '*', '"v1", "v7"', 'W/"v1","v7"', '"other" , "v7"'])
    t.equal(await status(value), 204, value);
  for (const value of ['"v6"', 'W/"v7"', '"7"', '"v07"', '"v7x"']) t.equal(await status(value), 412, value);
  for (const value of ['v7', '"v7', '', ',', '"v7" "v6"', '*, "v7"', 'w/"v7"', '"v7 "'])
    t.equal(await status(value), 400, value);
  t.equal((await ask('/things/x', { method: 'DELETE' })).status, 204);
  t.equal((await ask('/things', { headers: { 'if-match': 'v7' } })).status, 200, 'ignored where it is not honoured');
});

t.test('of two credentials none is believed', async (t) => {
  const { port, raw, token } = await startThings(t);
  const answer = await exchange(t, port, raw('GET', '/things', `Authorization: Bearer ${token}\r\n`));
  t.equal(answer.status, 400);
  t.match(answer.json(), { code: 'request_invalid', errors: [{ header: 'Authorization' }] });
});

t.test('what is no request is refused in the same form, and the connection closes', async (t) => {
  const { port, raw, ask } = await startThings(t);
  const cases = [
    ['nonsense\r\n\r\n', 400, 'request_invalid'],
    [`GET /things HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(17_000)}\r\n\r\n`, 431, 'headers_too_large'],
    [raw('POST', '/things', 'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n'), 400, 'request_invalid'],
    [
      `${raw('POST', '/things', 'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n')}zz\r\n`,
      400,
      'request_invalid',
    ],
  ] as const;
  for (const [bytes, status, code] of cases) {
    const client = await rawClient(t, port);
    client.send(bytes);
    const answer = await client.answer();
    t.equal(answer.status, status, bytes.slice(0, 60));
    t.match(answer.json(), { code, request_id: /^req_/ });
    t.equal(answer.header('content-type'), 'application/problem+json');
    await client.closed;
  }
  t.equal((await ask('/things')).status, 200);
});

t.test('garbage behind a request does not reach its answer', async (t) => {
  const { port, raw } = await startThings(t);
  const client = await rawClient(t, port);
  client.send(`${raw('GET', '/things/x')}garbage\r\n\r\n`);
  const answer = await client.answer();
  t.equal(answer.status, 200);
  t.strictSame(answer.json(), { id: 'x' });
  await client.closed;
});

t.test('two things in one place are a mistake of the program, found at the start', async (t) => {
  const [first] = THINGS as [Endpoint];
  await t.rejects(start(t, [first, first]), /two endpoints for GET \/things/);
  const documents = [{ path: '/things', type: 'text/plain', body: () => '' }];
  await t.rejects(start(t, [first], { documents }), /two things at \/things/);
});

t.test('an address that is taken is an error with its code', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  t.teardown(() => other.close());
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  await t.rejects(start(t, [], { listen: { host: '127.0.0.1', port } }), { code: 'EADDRINUSE' });
});
