import t from 'tap';
import { config, startGateway } from '../support/gateway.ts';
import { exchange, get, rawClient } from '../support/raw-client.ts';
import { startRawUpstream, type UpstreamRequest } from '../support/raw-upstream.ts';

const OK = 'HTTP/1.1 200 OK\r\n';

t.test('a header keeps its bytes, whatever comes after it', async (t) => {
  const odd = 'X-Odd: \xe4\xff\r\n';
  const answers: Readonly<Record<string, string>> = {
    'a small body': `${OK}${odd}Content-Length: 2\r\n\r\nok`,
    'a large body': `${OK}${odd}Content-Length: 40000\r\n\r\n${'a'.repeat(40_000)}`,
    'an empty body': `${OK}${odd}Content-Length: 0\r\n\r\n`,
    'a stream that has not begun': `${OK}${odd}Transfer-Encoding: chunked\r\n\r\n`,
    'a body that has not begun': `${OK}${odd}Content-Length: 2\r\n\r\n`,
    'no body': `HTTP/1.1 204 No Content\r\n${odd}\r\n`,
    'another head': `HTTP/1.1 103 Early Hints\r\n${odd}\r\n`,
  };
  const upstream = await startRawUpstream(t, (request) =>
    request.reply(answers[decodeURI(request.target.slice(1))] ?? ''),
  );
  const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
  for (const name of Object.keys(answers)) {
    const client = await rawClient(t, port);
    client.send(get(`/${encodeURI(name)}`));
    const head = await client.head();
    t.same(
      head.headers.filter(([key]) => key === 'X-Odd').map(([, value]) => value),
      ['\xe4\xff'],
      name,
    );
    client.close();
  }
});

t.test('a body under a coding that the gateway does not undo: 502, since the client could not undo it', async (t) => {
  for (const coding of ['gzip', 'gzip, chunked', 'chunked\r\nTransfer-Encoding: chunked', 'xchunked']) {
    const upstream = await startRawUpstream(t, (request) =>
      request.socket.end(`${OK}Transfer-Encoding: ${coding}\r\n\r\n2\r\nok\r\n0\r\n\r\n`),
    );
    const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
    const answer = await exchange(t, port, get('/x'));
    t.equal(answer.status, 502, coding);
    t.equal(answer.json().code, 'upstream_invalid');
  }
  const upstream = await startRawUpstream(t, (r) =>
    r.reply(`${OK}Transfer-Encoding: Chunked\r\n\r\n2\r\nok\r\n0\r\nX-Trailer: 1\r\n\r\n`),
  );
  const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
  const client = await rawClient(t, port);
  client.send(get('/x'));
  t.equal((await client.answer()).body, 'ok');
  t.notMatch(client.received, /trailer/i);
});

t.test('a length is written as everybody writes it', async (t) => {
  const upstream = await startRawUpstream(t, (request) => request.reply(`${OK}Content-Length: 0002 \r\n\r\nok`));
  const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
  const client = await rawClient(t, port);
  client.send(get('/x'));
  t.equal((await client.answer()).body, 'ok');
  t.match(client.received, /\r\nContent-Length: 2\r\n/);
});

t.test('what an upstream sends beyond its answer is nobody’s answer', async (t) => {
  const forged = `${OK}Content-Length: 6\r\n\r\nforged`;
  const answers: Readonly<Record<string, readonly [method: string, bytes: string]>> = {
    'behind a length': ['GET', `${OK}Content-Length: 2\r\n\r\nok${forged}`],
    'behind chunks': ['GET', `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${forged}`],
    'in answer to HEAD': ['HEAD', `${OK}Content-Length: ${forged.length}\r\n\r\n${forged}`],
    'behind 304': ['GET', `HTTP/1.1 304 Not Modified\r\nContent-Length: ${forged.length}\r\n\r\n${forged}`],
    'behind 204': ['GET', `HTTP/1.1 204 No Content\r\nContent-Length: ${forged.length}\r\n\r\n${forged}`],
  };
  for (const [name, [method, bytes]] of Object.entries(answers)) {
    const upstream = await startRawUpstream(t, (request) =>
      request.target === '/odd' ? request.reply(bytes) : request.ok('the right one'),
    );
    const { port } = await startGateway(t, config({}, [{ url: upstream.url, maxConnections: 1 }]));
    const client = await rawClient(t, port);
    client.send(get('/odd', '', method));
    await client.answer(method);
    client.send(get('/next'));
    t.equal((await client.answer()).body, 'the right one', name);
    t.notMatch(client.received, /forged/, name);
  }
});

/** Sends as many bytes of informational answers, as fast as they are taken, then an answer. */
function flood(request: UpstreamRequest, bytes: number): void {
  const { socket } = request;
  const piece = Buffer.from(`HTTP/1.1 103 Early Hints\r\nLink: ${'a'.repeat(8000)}\r\n\r\n`.repeat(16));
  let left = bytes;
  const more = (): void => {
    while (left > 0 && !socket.destroyed) {
      left -= piece.length;
      if (!socket.write(piece)) return;
    }
    socket.off('drain', more);
    request.ok('done');
  };
  socket.on('drain', more);
  more();
}

t.test('a flood of informational answers is not kept for a client that does not read', async (t) => {
  const upstream = await startRawUpstream(t, (request) => flood(request, 64e6));
  const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
  const client = await rawClient(t, port);
  client.socket.pause();
  client.send(get('/x'));
  const { socket } = await upstream.request(0);
  while (socket.bytesWritten < 64e6) await new Promise((resolve) => socket.once('drain', resolve));
  client.socket.resume();
  t.equal((await client.answer()).body, 'done');
  t.ok(client.socket.bytesRead < 32e6, `${client.socket.bytesRead} bytes were kept`);
});
