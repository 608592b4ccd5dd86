import t from 'tap';
import { DENIALS } from '../../src/core/denial.ts';
import { StoreError } from '../../src/core/ports.ts';
import { config, loadedKey, startGateway, stubGate } from '../support/gateway.ts';
import { exchange, get } from '../support/raw-client.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';

const ACCESS = { anyKey: ['GET /any'], permissions: { 'a:read': ['GET /a'], 'a:write': ['GET /a', 'POST /a'] } };

t.test('a denial says what the caller needs to act on it', async (t) => {
  const upstream = await startRawUpstream(t);
  const gate = stubGate({ lk_test: loadedKey({ permissions: [] }) });
  const { port, reported } = await startGateway(t, config({}, [{ url: upstream.url }], ACCESS), { gate });

  const missing = await exchange(t, port, 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n');
  t.equal(missing.status, 401);
  t.equal(missing.header('www-authenticate'), 'Bearer realm="test"', 'no error for one who sent no key');
  t.equal(missing.header('content-type'), 'application/problem+json');
  t.equal(missing.header('cache-control'), 'no-store');
  const problem = missing.json();
  t.match(problem, {
    type: 'urn:latchkey:error:key_missing',
    title: DENIALS.key_missing.title,
    status: 401,
    code: 'key_missing',
    detail: String,
  });
  t.equal(problem.request_id, missing.header('x-request-id'));

  const unknown = await exchange(t, port, 'GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer lk_unknown\r\n\r\n');
  t.equal(unknown.header('www-authenticate'), 'Bearer realm="test", error="invalid_token"');
  t.equal(unknown.json().code, 'key_not_found');

  const lacking = await exchange(t, port, get('/a'));
  t.equal(lacking.status, 403);
  t.equal(
    lacking.header('www-authenticate'),
    'Bearer realm="test", error="insufficient_scope", scope="a:read a:write"',
  );
  t.same(lacking.json().required_permission, ['a:read', 'a:write']);

  const lost = await exchange(t, port, get('/nowhere'));
  t.equal(lost.status, 404);
  t.equal(lost.header('www-authenticate'), undefined);

  const bare = await exchange(t, port, get('/nowhere', '', 'HEAD'), 'HEAD');
  t.equal(bare.status, 404);
  t.notMatch(JSON.stringify(bare), /"body":"[^"]/, 'HEAD gets the headers only');

  t.equal(upstream.requests.length, 0);
  const seen = await reported(5);
  t.same(
    seen.map((each) => [each.code, each.status, each.allowed, each.keyId, each.route]),
    [
      ['key_missing', 401, false, null, 'GET /a'],
      ['key_not_found', 401, false, null, 'GET /a'],
      ['permission_denied', 403, false, 'key_test', 'GET /a'],
      ['route_not_found', 404, false, 'key_test', null],
      ['route_not_found', 404, false, 'key_test', null],
    ],
  );
});

t.test('a check that must ask a store first', async (t) => {
  const upstream = await startRawUpstream(t, (request) => void request.body.then((body) => request.ok(body)));
  const gate = stubGate();
  const answers: (() => Promise<null>)[] = [];
  const slow = {
    ...gate,
    keys: { ...gate.keys, peek: () => undefined, find: () => (answers.shift() ?? (() => Promise.resolve(null)))() },
  };
  const { port } = await startGateway(t, config({}, [{ url: upstream.url }]), { gate: slow });
  const found = gate.keys.find('lk_test');
  answers.push(() => Promise.resolve(found) as Promise<null>);
  const body = await exchange(t, port, `${get('/x', 'Content-Length: 5\r\n', 'POST')}hello`);
  t.equal(body.body, 'hello', 'the body waits for the answer');
  t.equal((await exchange(t, port, get('/x'))).json().code, 'key_not_found');
  answers.push(() => Promise.reject(new StoreError('STORE_UNAVAILABLE', 'down')));
  const down = await exchange(t, port, get('/x'));
  t.equal(down.status, 503);
  t.equal(down.json().code, 'key_store_unavailable');
  t.equal(down.header('retry-after'), '1');
});

t.test('a check that breaks lets nobody in and ends nothing', async (t) => {
  const upstream = await startRawUpstream(t);
  const gate = stubGate();
  const failing = [
    {
      ...gate,
      keys: {
        ...gate.keys,
        peek: () => {
          throw new TypeError('a bug');
        },
      },
    },
    { ...gate, keys: { ...gate.keys, peek: () => undefined, find: () => Promise.reject(new TypeError('a bug')) } },
  ];
  for (const broken of failing) {
    const { port, reported } = await startGateway(t, config({}, [{ url: upstream.url }]), { gate: broken });
    const answer = await exchange(t, port, get('/x'));
    t.equal(answer.status, 503);
    t.notMatch(answer.body, /bug/);
    t.match((await reported(1))[0], { failure: 'TypeError: a bug', allowed: false });
  }
  t.equal(upstream.requests.length, 0);
});

t.test('a listener for exchanges that throws is on its own', async (t) => {
  const upstream = await startRawUpstream(t);
  const { port } = await startGateway(t, config({}, [{ url: upstream.url }]), {
    onExchange: () => {
      throw new Error('a bug');
    },
  });
  t.equal((await exchange(t, port, get('/x'))).status, 200);
  t.equal((await exchange(t, port, get('/x'))).status, 200);
});
