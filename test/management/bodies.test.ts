import t, { type Test } from 'tap';
import { z } from 'zod';
import { endpoint } from '../../src/management/endpoint.ts';
import { exchange, rawClient } from '../support/raw-client.ts';
import { MAX_BODY, problem, start } from './fixture.ts';

const anything = z.looseObject({});

function echo(method: 'POST' | 'PATCH' | 'DELETE', path: string, more: object = {}) {
  return endpoint({
    method,
    path,
    operationId: path,
    tag: 'Echo',
    summary: 'Says what it got',
    answers: { 200: null },
    handle: async ({ body }) => ({ status: 200, body: { got: body } }),
    ...more,
  });
}

function startEcho(t: Test) {
  return start(t, [
    echo('POST', '/echo', { body: anything }),
    echo('PATCH', '/echo', { body: anything }),
    echo('POST', '/maybe', { body: z.strictObject({ a: z.string().optional() }), bodyMayBeEmpty: true }),
    echo('DELETE', '/none'),
    echo('POST', '/value', { body: z.unknown() }),
  ]);
}

const JSON_BODY = { 'content-type': 'application/json' };

t.test('a body is JSON in UTF-8, and says so', async (t) => {
  const { ask } = await startEcho(t);
  const type = async (value: string, method = 'POST'): Promise<number> =>
    (await ask('/echo', { method, body: '{}', headers: { 'content-type': value } })).status;
  for (const value of [
    'application/json',
    'Application/JSON',
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
    'application/json; profile=x',
  ]) {
    t.equal(await type(value), 200, value);
  }
  for (const value of [
    'text/plain',
    'application/jsonx',
    'application/json; charset=utf-16',
    'application/json; charset=latin1',
    'application/x-www-form-urlencoded',
    'application/merge-patch+json',
    'json',
    'application/json, text/plain',
  ]) {
    t.equal(await type(value), 415, value);
  }
  t.equal(await type('application/merge-patch+json', 'PATCH'), 415, 'no part of a field is changed alone');
  t.equal(await type('application/json', 'PATCH'), 200);
  const unsaid = await ask('/echo', { method: 'POST', body: Buffer.from('{}') });
  t.equal(unsaid.status, 415);
  t.match(await problem(unsaid), { code: 'unsupported_media_type', errors: [{ header: 'Content-Type' }] });
  const zipped = await ask('/echo', {
    method: 'POST',
    body: '{}',
    headers: { ...JSON_BODY, 'content-encoding': 'gzip' },
  });
  t.equal(zipped.status, 415);
  t.match(await problem(zipped), { errors: [{ header: 'Content-Encoding' }] });
  const plain = await ask('/echo', {
    method: 'POST',
    body: '{}',
    headers: { ...JSON_BODY, 'content-encoding': 'identity' },
  });
  t.equal(plain.status, 200);
});

t.test('a body that can be read in two ways is refused, and where is told', async (t) => {
  const { ask } = await startEcho(t);
  const cases: readonly (readonly [body: string | Buffer, detail: RegExp | string])[] = [
    ['{"a":1,\n "b":}', 'At line 2, column 6: found "}" where a value was expected.'],
    ['{"a":1', 'At line 1, column 7: found the end where "," or "}" was expected.'],
    ['{"a":1}x', /^At line 1, column 8: found "x" where the end/],
    ['{"a":1,"b":{"a":2},"\\u0061":3}', /^At line 1, column 20: found a member named "a" a second time/],
    ['{"a":{"__proto__":{"admin":true}}}', /"__proto__"/],
    ['{"__pr\\u006fto__":1}', /"__proto__"/],
    [`{"a":${'['.repeat(40)}${']'.repeat(40)}}`, /more than 32 levels/],
    ['['.repeat(MAX_BODY), /more than 32 levels/],
    ['{"a":"\\ud800"}', /half of a surrogate pair/],
    [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 'The body is not UTF-8.'],
    [Buffer.from('{"a":"b"}', 'utf16le'), /./],
    [' ', /found the end where a value/],
    ["{'a':1}", /a name in double quotes/],
    ['{"a":NaN}', /where a value/],
    ['{"a":1,}', /a name in double quotes/],
    ['{} // done', /where the end/],
  ];
  for (const [body, detail] of cases) {
    const answer = await ask('/echo', { method: 'POST', body, headers: JSON_BODY });
    t.equal(answer.status, 400, String(body).slice(0, 40));
    t.match(await problem(answer), { code: 'body_malformed', detail });
  }
  const good = Buffer.from('\ufeff{"a":"é\\n\\u00e9","b":{"a":[]},"constructor":1}');
  const answer = await ask('/echo', { method: 'POST', body: good, headers: JSON_BODY });
  t.strictSame(
    await answer.json(),
    { got: { a: 'é\né', b: { a: [] }, constructor: 1 } },
    'a byte order mark is passed over',
  );
});

t.test('an empty body is none', async (t) => {
  const { ask, port, raw } = await startEcho(t);
  t.match(await problem(ask('/echo', { method: 'POST' })), { status: 400, code: 'body_malformed', detail: /empty/ });
  t.strictSame(await (await ask('/maybe', { method: 'POST' })).json(), { got: {} });
  t.strictSame(await (await ask('/maybe', { method: 'POST', headers: { 'content-type': 'text/plain' } })).json(), {
    got: {},
  });
  const chunked = await exchange(t, port, `${raw('POST', '/maybe', 'Transfer-Encoding: chunked\r\n')}0\r\n\r\n`);
  t.strictSame(chunked.json(), { got: {} });
  t.equal((await ask('/maybe', { method: 'POST', body: 'null', headers: JSON_BODY })).status, 422);
});

t.test('where no body is taken, only an empty one is', async (t) => {
  const { ask } = await startEcho(t);
  t.equal((await ask('/none', { method: 'DELETE' })).status, 200);
  t.equal((await ask('/none', { method: 'DELETE', headers: JSON_BODY })).status, 200);
  const answer = await ask('/none', { method: 'DELETE', body: '{}', headers: JSON_BODY });
  t.match(await problem(answer), { status: 400, code: 'request_invalid', detail: /No body is taken/ });
});

t.test('a body need not be an object', async (t) => {
  const { send } = await startEcho(t);
  for (const value of [1, 'a', null, true, [1, 2]]) {
    t.strictSame(await (await send('POST', '/value', value)).json(), { got: value });
  }
});

t.test('a body may have so many bytes and no more', async (t) => {
  const { ask, port, raw } = await startEcho(t);
  const sized = (bytes: number): string => `{"a":"${'x'.repeat(bytes - 8)}"}`;
  t.equal((await ask('/echo', { method: 'POST', body: sized(MAX_BODY), headers: JSON_BODY })).status, 200);

  const announced = await rawClient(t, port);
  announced.send(raw('POST', '/echo', `Content-Type: application/json\r\nContent-Length: ${MAX_BODY + 1}\r\n`));
  const early = await announced.answer();
  t.equal(early.status, 413, 'before a byte of it was sent');
  t.match(early.json(), { code: 'body_too_large', detail: 'The body may have 4KiB.' });
  t.equal(early.header('connection'), 'close');
  announced.close();

  const chunked = await rawClient(t, port);
  chunked.send(raw('POST', '/echo', 'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n'));
  const piece = 'x'.repeat(2048);
  chunked.send(`800\r\n${piece}\r\n800\r\n${piece}\r\n1\r\nx\r\n`);
  const late = await chunked.answer();
  t.equal(late.status, 413);
  t.equal(late.header('connection'), 'close');
  for (let i = 0; i < 20; i++) {
    chunked.send(`800\r\n${piece}\r\n`);
    await new Promise(setImmediate);
  }
  chunked.send('0\r\n\r\n');
  t.equal(await chunked.closed, null, 'what it goes on to send is read for a while');
});

t.test('a body that goes wrong after its answer gets no second one', async (t) => {
  const { port, raw } = await startEcho(t);
  const client = await rawClient(t, port);
  client.send(raw('POST', '/nothing', 'Transfer-Encoding: chunked\r\n'));
  t.equal((await client.answer()).status, 404);
  client.send('zz\r\n');
  await client.closed;
  t.equal(client.received.split('HTTP/1.1 ').length, 2);
});

t.test('the answer comes through to one who goes on sending', async (t) => {
  const { url, token } = await startEcho(t);
  const body = Buffer.alloc(3 * 1024 * 1024, 0x20);
  for (const headers of [{ authorization: `Bearer ${token}` }, {}]) {
    const answer = await fetch(`${url}/echo`, { method: 'POST', body, headers: { ...JSON_BODY, ...headers } });
    t.equal(answer.status, 'authorization' in headers ? 413 : 401);
    t.type((await problem(answer)).code, 'string');
  }
});

t.test('a small body that was not wanted is read to its end, and the connection stays', async (t) => {
  const { port, raw } = await startEcho(t);
  const client = await rawClient(t, port);
  client.send('POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n');
  t.equal((await client.answer()).status, 401);
  client.send(`0123456789${raw('POST', '/maybe')}`);
  t.equal((await client.answer()).status, 200);
});

t.test('100 Continue is sent when the body is wanted, and not before', async (t) => {
  const { port, raw } = await startEcho(t);
  const head = 'Content-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n';
  const wanted = await rawClient(t, port);
  wanted.send(raw('POST', '/echo', head));
  t.match((await wanted.head()).start, / 100 /);
  wanted.send('{}');
  t.equal((await wanted.answer()).status, 200);

  const refused = await rawClient(t, port);
  refused.send(raw('POST', '/nothing', head));
  t.match((await refused.head()).start, / 404 /);
});
