import { once } from 'node:events';
import { connect } from 'node:net';
import t from 'tap';
import { WebSocket } from 'ws';
import { startDemoApi } from '../../src/demo/api.ts';

const demo = await startDemoApi({ host: '127.0.0.1', port: 0, eventIntervalMs: 20 });
t.teardown(() => demo.close());

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly headers: Headers;
}

async function call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const init: RequestInit = { method, headers: { ...headers } };
  if (text !== undefined) init.body = text;
  const response = await fetch(demo.url + path, init);
  const answer = await response.text();
  const parsed = (answer === '' ? {} : JSON.parse(answer)) as Record<string, unknown>;
  return { status: response.status, body: parsed, headers: response.headers };
}

t.test('each kind of thing can be listed, made, read, changed and deleted', async (t) => {
  for (const kind of ['domains', 'devices', 'incidents', 'services', 'reports']) {
    const made = await call('POST', `/api/${kind}`, { name: 'new', size: 1 });
    t.equal(made.status, 201, kind);
    const path = `/api/${kind}/${String(made.body['id'])}`;
    t.strictSame((await call('GET', path)).body, made.body);
    const listed = (await call('GET', `/api/${kind}?page=1`)).body['items'] as Record<string, unknown>[];
    t.ok(listed.length > 1);
    t.strictSame(listed.at(-1), made.body);
    t.strictSame((await call('PATCH', path, { size: 2, id: 'x' })).body, { ...made.body, size: 2 });
    t.strictSame((await call('PUT', path, { only: true })).body, { only: true, id: made.body['id'] });
    t.equal((await call('DELETE', path)).status, 204);
    t.equal((await call('GET', path)).status, 404);
    t.equal((await call('DELETE', path)).status, 404);
  }
});

t.test('HEAD answers as GET does, without the body', async (t) => {
  const head = await call('HEAD', '/api/domains');
  t.equal(head.status, 200);
  t.strictSame(head.body, {});
});

t.test('a method that a path does not have is refused and told which it has', async (t) => {
  const list = await call('DELETE', '/api/domains');
  t.equal(list.status, 405);
  t.equal(list.headers.get('allow'), 'GET, HEAD, POST');
  t.equal((await call('POST', '/api/domains/1', {})).status, 405);
  t.equal((await call('DELETE', '/api/admin/settings')).status, 405);
});

t.test('what is not there answers 404 as JSON', async (t) => {
  for (const path of [
    '/',
    '/api',
    '/api/',
    '/api/none',
    '/api/domains/',
    '/api/domains/99',
    '/api/domains/1/x',
    '/domains',
  ]) {
    const answer = await call('GET', path);
    t.equal(answer.status, 404, path);
    t.strictSame(answer.body, { error: 'not_found' });
  }
});

t.test('a body must be a JSON object of at most 1 MiB, and the connection survives one that is not', async (t) => {
  for (const body of ['', '{', '[]', 'null', '"x"', '1']) {
    t.equal((await call('POST', '/api/domains', body)).status, 400, body);
  }
  t.equal((await call('PUT', '/api/admin/settings', '[]')).status, 400);
  const empty = JSON.stringify({ text: '' }).length;
  t.equal((await call('POST', '/api/reports', { text: 'x'.repeat(1_048_576 - empty) })).status, 201);
  t.equal((await call('POST', '/api/reports', { text: 'x'.repeat(1_048_577 - empty) })).status, 413);
  t.equal((await call('POST', '/api/reports', { text: 'x'.repeat(8_000_000) })).status, 413);
});

t.test('the data has a bound', async (t) => {
  const text = 'x'.repeat(900_000);
  const statuses: number[] = [];
  for (let i = 0; i < 6; i++) statuses.push((await call('POST', '/api/incidents', { text })).status);
  t.strictSame(statuses, [201, 201, 201, 201, 507, 507]);
  t.equal((await call('PATCH', '/api/incidents/1', { text })).status, 507);
  for (let id = 2; id <= 6; id++) await call('DELETE', `/api/incidents/${id}`);
  t.equal((await call('POST', '/api/incidents', { text })).status, 201, 'what is deleted makes room');
});

t.test('anyone may see the status', async (t) => {
  t.strictSame((await call('GET', '/status')).body, { status: 'ok' });
});

t.test('whoami tells what the gateway said about the caller', async (t) => {
  const headers = { 'X-Latchkey-Key-Id': 'key_1', 'X-Latchkey-Owner': 'user_1', Authorization: 'Bearer x' };
  t.strictSame((await call('GET', '/api/whoami', undefined, headers)).body, {
    'x-latchkey-key-id': 'key_1',
    'x-latchkey-owner': 'user_1',
  });
});

t.test('settings are kept as they were put', async (t) => {
  t.strictSame((await call('GET', '/api/admin/settings')).body, { maintenance: false, banner: '' });
  t.equal((await call('PUT', '/api/admin/settings', { maintenance: true })).status, 200);
  t.strictSame((await call('GET', '/api/admin/settings')).body, { maintenance: true });
});

t.test('events keep coming until the reader leaves', async (t) => {
  const leave = new AbortController();
  const response = await fetch(`${demo.url}/api/events`, { signal: leave.signal });
  t.equal(response.headers.get('content-type'), 'text/event-stream');
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString();
    if (text.includes('id: 3\n')) break;
  }
  t.match(text, /^id: 1\nevent: tick\ndata: \{"sequence":1\}\n\nid: 2\n/);
  leave.abort();
});

t.test('/api/live says back what it hears', async (t) => {
  t.equal((await call('GET', '/api/live')).status, 426);
  const socket = new WebSocket(`${demo.url.replace('http', 'ws')}/api/live`);
  await once(socket, 'open');
  socket.send('hello');
  const [text, isBinary] = (await once(socket, 'message')) as [Buffer, boolean];
  t.equal(text.toString(), 'hello');
  t.equal(isBinary, false);
  socket.send(Buffer.from([1, 2, 3]));
  const [bytes] = (await once(socket, 'message')) as [Buffer];
  t.strictSame([...bytes], [1, 2, 3]);
  socket.close();
  await once(socket, 'close');
});

t.test('an upgrade anywhere else is refused', async (t) => {
  const socket = new WebSocket(`${demo.url.replace('http', 'ws')}/api/domains`);
  const [error] = (await once(socket, 'error')) as [Error];
  t.match(error.message, /404/);
});

t.test('closing ends streams and WebSockets, and one that does not answer', async (t) => {
  const other = await startDemoApi({ host: '127.0.0.1', port: 0 });
  const socket = new WebSocket(`${other.url.replace('http', 'ws')}/api/live`);
  await once(socket, 'open');
  const events = await fetch(`${other.url}/api/events`);
  const mute = connect(Number(new URL(other.url).port), '127.0.0.1');
  mute.write(
    'GET /api/live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  await once(mute, 'data');
  const closed = once(socket, 'close');
  await other.close();
  const [code] = (await closed) as [number];
  t.equal(code, 1001);
  await t.rejects(events.text());
  mute.destroy();
});

t.test('a port that is taken is an error of the start', async (t) => {
  const port = Number(new URL(demo.url).port);
  await t.rejects(startDemoApi({ host: '127.0.0.1', port }), { code: 'EADDRINUSE' });
});
