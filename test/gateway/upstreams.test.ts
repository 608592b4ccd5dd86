import t from 'tap';
import { Upstream, UpstreamTable } from '../../src/gateway/upstreams.ts';
import { config, startGateway, UPSTREAM } from '../support/gateway.ts';
import { exchange, get, rawClient } from '../support/raw-client.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';

t.test('the most specific upstream answers, whatever the order', async (t) => {
  const settings = [
    { url: 'http://any' },
    { url: 'http://any-api', paths: ['/api'] },
    { url: 'http://any-api-v2', paths: ['/api/v2/'] },
    { url: 'http://wild', hosts: ['*.example.com'] },
    { url: 'http://deep', hosts: ['*.eu.example.com'] },
    { url: 'http://host', hosts: ['shop.example.com', 'Other.Example.com'], paths: ['/cart', '/pay'] },
  ];
  const cases: readonly (readonly [host: string, path: string, url: string])[] = [
    ['x.test', '/', 'http://any'],
    ['', '/', 'http://any'],
    ['x.test', '/api', 'http://any-api'],
    ['x.test', '/api/', 'http://any-api'],
    ['x.test', '/apis', 'http://any'],
    ['x.test', '/api/v2', 'http://any-api-v2'],
    ['x.test', '/api/v22', 'http://any-api'],
    ['a.example.com', '/api', 'http://wild'],
    ['A.Example.COM:8080', '/', 'http://wild'],
    ['a.example.com.', '/', 'http://wild'],
    ['a.b.example.com', '/', 'http://wild'],
    ['example.com', '/', 'http://any'],
    ['notexample.com', '/', 'http://any'],
    ['a.eu.example.com', '/', 'http://deep'],
    ['shop.example.com', '/cart/1', 'http://host'],
    ['shop.example.com', '/pay', 'http://host'],
    ['shop.example.com', '/x', 'http://wild'],
    ['other.example.com', '/pay', 'http://host'],
    ['[::1]:80', '/', 'http://any'],
  ];
  for (const order of [settings, settings.toReversed()]) {
    const upstreams = order.map((setting) => new Upstream({ ...UPSTREAM, ...setting }));
    const table = new UpstreamTable(upstreams);
    for (const [host, path, url] of cases) t.equal(table.select(host, path)?.config.url, url, `${host} ${path}`);
    await Promise.all(upstreams.map((upstream) => upstream.pool.close()));
  }
});

t.test('what no upstream answers for is not found', async (t) => {
  const upstream = await startRawUpstream(t);
  const { port } = await startGateway(t, config({}, [{ url: upstream.url, hosts: ['api.test'], paths: ['/v1'] }]));
  t.equal((await exchange(t, port, get('/v1/x'))).status, 200);
  const answer = await exchange(t, port, get('/v2'));
  t.equal(answer.status, 404);
  t.equal(answer.json().code, 'route_not_found');
});

t.test('a reload', async (t) => {
  const kept = await startRawUpstream(t);
  const old = await startRawUpstream(t, (request) => {
    if (request.target !== '/old/slow') request.ok('old');
  });
  const next = await startRawUpstream(t, (request) => request.ok('next'));
  const keptSettings = { url: kept.url, paths: ['/kept'] };
  const { port, gateway } = await startGateway(t, config({}, [keptSettings, { url: old.url }]));
  await exchange(t, port, get('/kept'));
  await exchange(t, port, get('/old'));
  const waiting = await rawClient(t, port);
  waiting.send(get('/old/slow'));
  const request = await old.request(1);

  gateway.reload(config({}, [keptSettings, { url: next.url }]));
  t.equal((await exchange(t, port, get('/old'))).body, 'next');
  await exchange(t, port, get('/kept'));
  t.equal(kept.sockets.length, 1, 'the connections of an upstream that did not change are kept');

  const closed = new Promise((resolve) => request.socket.once('close', resolve));
  request.ok('old, and whole');
  t.equal((await waiting.answer()).body, 'old, and whole');
  await closed;
  t.equal(gateway.inFlight, 0);
});

t.test('a reload with a pattern that is none changes nothing', async (t) => {
  const upstream = await startRawUpstream(t);
  const { port, gateway } = await startGateway(t, config({}, [{ url: upstream.url }]));
  t.throws(() => gateway.reload(config({}, [{ url: upstream.url }], { anyKey: ['nonsense'] })));
  t.equal((await exchange(t, port, get('/x'))).status, 200);
});
