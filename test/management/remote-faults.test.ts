/** What the client over HTTP makes of servers that are none of ours, of cut connections and of silence. */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import t, { type Test } from 'tap';
import type { FollowedEntry } from '../../src/management/client.ts';
import { KEY_ISSUED } from '../../src/management/schemas/examples.ts';
import { client } from './gateway.ts';

/** A server that answers as it is told, and what it was asked. */
async function canned(t: Test, answer: RequestListener): Promise<{ url: string; asked: IncomingMessage[] }> {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}`, asked };
}

const ROLES = JSON.stringify({ roles: [] });

function json(response: ServerResponse, body: string, status = 200, type = 'application/json'): void {
  response.writeHead(status, { 'content-type': type }).end(body);
}

t.test('the path of the URL is put before every other, and the token goes along', async (t) => {
  const { url, asked } = await canned(t, (_request, response) => json(response, ROLES));
  await client(t, `${url}/latchkey/admin/`, 'abc').listRoles();
  t.equal(asked[0]?.url, '/latchkey/admin/roles');
  t.match(asked[0]?.headers, { authorization: 'Bearer abc', accept: 'application/json', 'user-agent': 'test' });
});

t.test('what is asked goes to the server itself, whatever proxy the environment names', async (t) => {
  const proxy = await canned(t, (_request, response) => json(response, ROLES));
  const { url, asked } = await canned(t, (_request, response) => json(response, ROLES));
  const before = { ...process.env };
  t.teardown(() => {
    process.env = before;
  });
  process.env = { ...before, HTTP_PROXY: proxy.url, http_proxy: proxy.url, NODE_USE_ENV_PROXY: '1' };
  await client(t, url).listRoles();
  t.equal(asked.length, 1);
  t.equal(proxy.asked.length, 0);
});

t.test('a redirect is not followed: the token must not go elsewhere', async (t) => {
  const other = await canned(t, (_request, response) => json(response, ROLES));
  for (const status of [301, 302, 307, 308]) {
    const { url } = await canned(t, (_request, response) => {
      response.writeHead(status, { location: `${other.url}/roles?secret=1` }).end();
    });
    await t.rejects(client(t, url).listRoles(), {
      code: 'SERVER_REDIRECTS',
      message: `${url} redirects to ${other.url}; that is not followed, since the token would go along: name the right URL`,
    });
  }
  t.equal(other.asked.length, 0);
});

t.test('what is not Latchkey is told from it', async (t) => {
  const answers: readonly (readonly [listener: (response: ServerResponse) => void, code: string, message: RegExp])[] = [
    [
      (r) => json(r, '<html>', 200, 'text/html; charset=utf-8'),
      'SERVER_NOT_LATCHKEY',
      /answers 200 with text\/html, not/,
    ],
    [(r) => json(r, '<html>', 404, 'text/html'), 'SERVER_NOT_LATCHKEY', /answers 404 with text\/html, not/],
    [(r) => json(r, '<html>', 502, 'text/html'), 'SERVER_FAILED', /answers 502 with text\/html/],
    [(r) => json(r, '{"roles":"none"}'), 'SERVER_NOT_LATCHKEY', /something else than was asked for \(roles\)/],
    [(r) => json(r, '{"roles":['), 'SERVER_NOT_LATCHKEY', /something else/],
    [(r) => r.writeHead(204).end(), 'SERVER_NOT_LATCHKEY', /answers 204 with nothing/],
    [(r) => json(r, '{"code":"key_missing"}', 401, 'application/problem+json'), 'SERVER_NOT_LATCHKEY', /proxy listens/],
    [(r) => json(r, '{"code":"new","detail":"why"}', 418, 'application/problem+json'), 'SERVER_FAILED', /418: why$/],
    [(r) => json(r, 'null', 500, 'application/problem+json'), 'SERVER_FAILED', /answers 500/],
    [
      (r) =>
        void r
          .writeHead(200, { 'content-type': 'application/json', 'content-length': '9' })
          .write('{', () => r.destroy()),
      'SERVER_UNREACHABLE',
      /./,
    ],
    [(r) => void r.socket?.destroy(), 'SERVER_UNREACHABLE', /cut the connection/],
  ];
  for (const [listener, code, message] of answers) {
    const { url } = await canned(t, (_request, response) => listener(response));
    await t.rejects(client(t, url).listRoles(), { name: 'RemoteError', code, message });
  }
});

t.test('an answer without an end is not collected for ever', async (t) => {
  const piece = Buffer.alloc(1024 * 1024, ' ');
  const { url } = await canned(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const more = (): void => {
      while (response.write(piece));
    };
    response.on('drain', more);
    more();
  });
  await t.rejects(client(t, url).listRoles(), { code: 'SERVER_NOT_LATCHKEY', message: /more than can be meant/ });
});

t.test('a problem keeps its code, its sentence and what it points at', async (t) => {
  const problem = {
    code: 'validation_failed',
    detail: 'no',
    errors: [{ pointer: '/limits/per_hour', detail: 'is 0' }, 7],
  };
  const { url } = await canned(t, (_request, response) =>
    json(response, JSON.stringify(problem), 422, 'application/problem+json'),
  );
  await t.rejects(client(t, url).createKey({ name: 'a' }), {
    name: 'ManagementError',
    code: 'validation_failed',
    message: 'no',
    errors: [{ pointer: '/limits/per_hour', detail: 'is 0' }, { detail: '' }],
  });
});

t.test('fields that this version does not know are kept', async (t) => {
  const { url } = await canned(t, (_request, response) => json(response, '{"roles":[],"colour":"red"}'));
  t.strictSame(await client(t, url).listRoles(), { roles: [], colour: 'red' });
});

t.test('a key whose answer got lost is asked for once more, and made once', async (t) => {
  const { url, asked } = await canned(t, (_request, response) => {
    if (asked.length === 1) response.destroy();
    else json(response, JSON.stringify(KEY_ISSUED), 201);
  });
  t.strictSame(await client(t, url).createKey({ name: 'a' }), KEY_ISSUED);
  const [first, second] = asked.map(({ headers }) => headers['idempotency-key']);
  t.match(first, /^[0-9a-f-]{36}$/);
  t.equal(second, first);
  t.equal(asked.length, 2);
});

t.test('nobody there, a name that is not known, something that is no HTTP', async (t) => {
  const { url } = await canned(t, () => undefined);
  const closed = createTcpServer();
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
  const { port } = closed.address() as { port: number };
  await new Promise((resolve) => closed.close(resolve));
  await t.rejects(client(t, `http://127.0.0.1:${port}`).listRoles(), {
    code: 'SERVER_UNREACHABLE',
    message: `http://127.0.0.1:${port} does not answer (ECONNREFUSED): nothing listens there`,
  });
  await t.rejects(client(t, url.replace('http:', 'https:')).listRoles(), { code: 'SERVER_UNREACHABLE' });
  const other = createTcpServer((socket) => void socket.on('error', () => undefined).end('220 smtp ready\r\n'));
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  t.teardown(() => other.close());
  await t.rejects(client(t, `http://127.0.0.1:${(other.address() as { port: number }).port}`).listRoles(), {
    code: 'SERVER_UNREACHABLE',
    message: /does not speak HTTP/,
  });
});

function entry(path: string): string {
  return JSON.stringify({
    timestamp: `2027-01-17T10:30:0${path.length}.000Z`,
    ip_address: '192.0.2.1',
    user_agent: null,
    method: 'GET',
    endpoint: path,
    route: null,
    status_code: 200,
    code: null,
    would_deny: [],
    response_time_ms: 1,
    request_id: 'r',
  });
}

function stream(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' }).write(text);
}

async function collect(entries: AsyncIterable<FollowedEntry | null>, most: number): Promise<(string | null)[]> {
  const seen: (string | null)[] = [];
  for await (const followed of entries) {
    seen.push(followed?.entry.endpoint ?? null);
    if (seen.length === most) break;
  }
  return seen;
}

t.test('a stream that is cut is taken up after the last entry that arrived', async (t) => {
  const { url, asked } = await canned(t, (request, response) => {
    if (asked.length === 1) {
      // In pieces, and cut in the middle of an event.
      stream(response, ':\r\n\r\nid: 1\r\nda');
      setImmediate(() => response.write(`ta: ${entry('/a')}\r\n\r\nid: 2\ndata: {`, () => response.destroy()));
    } else if (asked.length === 2) {
      response.socket?.destroy();
    } else {
      stream(response, `id: 2\ndata: ${entry(`/${String(request.headers['last-event-id'])}`)}\n\n`);
      response.end();
    }
  });
  const entries = client(t, url).followLogs('key_a', { status: '4xx' }, new AbortController().signal);
  t.strictSame(await collect(entries, 4), [null, '/a', '/1', '/2']);
  t.equal(asked[0]?.url, '/api-keys/key_a/logs?status=4xx&follow=true');
  t.equal(asked[0]?.headers['last-event-id'], undefined);
  t.equal(asked.length, 4, 'a server that ends a stream is asked again as well');
});

t.test('while no entry had a position, a cut stream begins again at the first of them', async (t) => {
  const { url, asked } = await canned(t, (_request, response) => {
    stream(response, `data: ${entry('/a')}\n\n`);
    response.end();
  });
  await collect(client(t, url).followLogs('key_a', {}, new AbortController().signal), 2);
  t.equal(asked[1]?.url, '/api-keys/key_a/logs?from=2027-01-17T10%3A30%3A02.000Z&follow=true');
});

t.test('a stream that cannot be taken up is given up in the end', async (t) => {
  const { url, asked } = await canned(t, (_request, response) => {
    if (asked.length > 1) return void response.socket?.destroy();
    stream(response, `id: 1\ndata: ${entry('/a')}\n\n`);
    response.end();
  });
  const entries = client(t, url).followLogs('key_a', {}, new AbortController().signal);
  await t.rejects(collect(entries, 9), { code: 'SERVER_UNREACHABLE' });
  t.equal(asked.length, 4, 'once, and three times again');
});

t.test('a connection that is lost is told once, and once when it is back', async (t) => {
  const told: string[] = [];
  const { url, asked } = await canned(t, (_request, response) => {
    // At first the stream is only ended; then it is cut, and nobody answers for a while.
    if (asked.length === 3 || asked.length === 4) return void response.socket?.destroy();
    stream(response, `id: ${asked.length}\ndata: ${entry(`/${asked.length}`)}\n\n`);
    if (asked.length === 1) response.end();
    else setImmediate(() => response.write(':', () => response.destroy()));
  });
  const following = client(t, url, 'token', {
    onCut: (error) => void told.push(`cut: ${error.message}`),
    onBack: () => void told.push('back'),
  });
  const entries = following.followLogs('key_a', {}, new AbortController().signal);
  t.strictSame(await collect(entries, 3), ['/1', '/2', '/5']);
  t.strictSame(told, [`cut: ${url} cut the connection`, 'back']);
});

t.test('what is refused, or fails at once, is not tried again', async (t) => {
  const { url, asked } = await canned(t, (_request, response) => {
    if (asked.length === 1) {
      stream(response, `id: 1\ndata: ${entry('/a')}\n\n`);
      response.end();
    } else json(response, '{"code":"token_invalid","detail":"has expired"}', 401, 'application/problem+json');
  });
  const follow = (to: string) => collect(client(t, to).followLogs('key_a', {}, new AbortController().signal), 9);
  await t.rejects(follow(url), { code: 'token_invalid', message: 'has expired' });
  t.equal(asked.length, 2);
  const cut = await canned(t, (_request, response) => void response.socket?.destroy());
  await t.rejects(follow(cut.url), { code: 'SERVER_UNREACHABLE' });
  t.equal(cut.asked.length, 1);
  const odd = await canned(t, (_request, response) => stream(response, 'data: {"a":1}\n\n'));
  await t.rejects(follow(odd.url), { code: 'SERVER_NOT_LATCHKEY' });
  t.equal(odd.asked.length, 1);
});

t.test('events without an end are not collected for ever', async (t) => {
  const { url } = await canned(t, (_request, response) => stream(response, `data: ${'x'.repeat(2 * 1024 * 1024)}`));
  const entries = client(t, url).followLogs('key_a', {}, new AbortController().signal);
  await t.rejects(collect(entries, 1), { code: 'SERVER_NOT_LATCHKEY' });
});
