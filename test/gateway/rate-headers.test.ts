import t from 'tap';
import type { CompiledRestriction } from '../../src/core/decision.ts';
import { type Denial, deny } from '../../src/core/denial.ts';
import { config, lease, loadedKey, NOW, startGateway, stubGate } from '../support/gateway.ts';
import { exchange, get } from '../support/raw-client.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';

t.test('how the limits stand', async (t) => {
  const upstream = await startRawUpstream(t);
  const gate = stubGate({ lk_test: loadedKey({}, { perHour: 1000, perDay: 10_000, burst: 100 }) });
  const { port } = await startGateway(t, config({}, [{ url: upstream.url }]), { gate });
  gate.lease = lease({ now: NOW + 0, burstFullInMs: 3601 });
  const answer = await exchange(t, port, get('/x'));
  t.equal(answer.header('x-ratelimit-limit'), '1000');
  t.equal(answer.header('x-ratelimit-remaining'), '999');
  t.equal(answer.header('x-ratelimit-reset'), String(Date.UTC(2027, 0, 15, 9) / 1000));
  t.equal(answer.header('ratelimit-policy'), '"burst";q=100;w=360, "hour";q=1000;w=3600, "day";q=10000;w=86400');
  t.equal(answer.header('ratelimit'), '"burst";r=99;t=4, "hour";r=999;t=2400, "day";r=9999;t=56400');
  t.equal((await exchange(t, port, get('/public/x'))).header('x-ratelimit-limit'), undefined, 'not on a public route');

  gate.lease = lease({ granted: 0, refusedBy: 'burst', retryAfterMs: 3500, burstRemaining: 0 });
  const refused = await exchange(t, port, get('/x'));
  t.equal(refused.status, 429);
  t.equal(refused.header('retry-after'), '4');
  t.equal(refused.header('x-ratelimit-retry-after'), '4');
  t.equal(refused.header('x-ratelimit-limit'), '100');
  t.equal(refused.header('x-ratelimit-remaining'), '0');
  t.equal(refused.header('x-ratelimit-reset'), String(Math.ceil((NOW + 3500) / 1000)));
  t.equal(refused.json().limit, 'burst');
  t.equal(upstream.requests.length, 2);
});

/** A restriction that refuses every request. */
function refusing(denial: Denial): CompiledRestriction {
  return { name: 'ip', isShadow: false, test: () => denial };
}

/** Those of the answer's headers that say how the limits stand. */
function limitsOf(answer: { header(name: string): string | undefined }): (string | undefined)[] {
  return ['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset', 'ratelimit', 'ratelimit-policy'].map(
    (name) => answer.header(name),
  );
}

t.test('a refusal of a known key says how its limits stand, and spends nothing', async (t) => {
  const upstream = await startRawUpstream(t);
  const access = { anyKey: ['GET /any'], permissions: { 'a:read': ['GET /a'] } };
  const outside = { ...loadedKey(), restrictions: [refusing(deny('ip_blocked', 'Not from there.'))] };
  const key = loadedKey({ permissions: [] });
  const gate = stubGate({ lk_test: key, lk_outside: outside, lk_off: loadedKey({ status: 'disabled' }) });
  let admissions = 0;
  Object.assign(gate, { limiter: { admit: () => (admissions++, gate.lease) } });
  const { port } = await startGateway(t, config({}, [{ url: upstream.url }], access), { gate });
  const ask = (path: string, secret = 'lk_test') => exchange(t, port, get(path).replace('lk_test', secret));

  const policy = '"burst";q=100;w=360, "hour";q=1000;w=3600, "day";q=10000;w=86400';
  const hourEnd = String(Date.UTC(2027, 0, 15, 9) / 1000);
  const full = '"burst";r=100;t=0, "hour";r=1000;t=2400, "day";r=10000;t=56400';
  const refusals: readonly (readonly [string, number, string | undefined])[] = [
    ['/a', 403, undefined],
    ['/nowhere', 404, undefined],
    ['/any', 403, 'lk_outside'],
  ];
  for (const [path, status, secret] of refusals) {
    const answer = await ask(path, secret);
    t.equal(answer.status, status);
    t.same(limitsOf(answer), ['1000', '1000', hourEnd, full, policy], `${status} of a key that was not used yet`);
  }
  // An hour and a minute ago, one token after the bucket was empty.
  key.recent.lease = lease({ now: NOW - 3_660_000, hourRemaining: 7, dayRemaining: 70, burstRemaining: 0 });
  t.same(limitsOf(await ask('/a')).slice(1, 4), [
    '1000',
    hourEnd,
    '"burst";r=100;t=0, "hour";r=1000;t=2400, "day";r=70;t=56400',
  ]);
  key.recent.lease = lease({ hourRemaining: 0, dayRemaining: 70, burstRemaining: 90, burstFullInMs: 36_000 });
  t.same(limitsOf(await ask('/nowhere')).slice(0, 4), [
    '1000',
    '0',
    hourEnd,
    '"burst";r=90;t=36, "hour";r=0;t=2400, "day";r=70;t=56400',
  ]);
  const none = [undefined, undefined, undefined, undefined, undefined];
  t.same(limitsOf(await ask('/any', 'lk_off')), none, 'a key that holds no more is told nothing');
  t.same(limitsOf(await ask('/any', 'lk_unknown')), none);
  t.equal(admissions, 0);
  t.equal(upstream.requests.length, 0);
});

t.test('limits in shadow: what is used up is answered, and told as it is', async (t) => {
  const upstream = await startRawUpstream(t);
  const gate = stubGate({ lk_test: { ...loadedKey({}, { perHour: 3, perDay: 9, burst: 2 }), shadowsLimits: true } });
  const { port, reported } = await startGateway(t, config({}, [{ url: upstream.url }]), { gate });
  gate.lease = lease({ granted: 0, refusedBy: 'hour', retryAfterMs: 2_400_000, hourRemaining: 0, dayRemaining: 6 });
  const answer = await exchange(t, port, get('/x'));
  t.equal(answer.status, 200);
  const hourEnd = String(Date.UTC(2027, 0, 15, 9) / 1000);
  t.same(limitsOf(answer).slice(0, 4), ['3', '0', hourEnd, '"burst";r=99;t=4, "hour";r=0;t=2400, "day";r=6;t=56400']);
  for (const name of ['retry-after', 'x-ratelimit-retry-after']) t.equal(answer.header(name), undefined, name);
  t.match(await reported(1), [{ status: 200, allowed: true, code: null, wouldDeny: ['rate_limited'] }]);
  t.equal(upstream.requests.length, 1);
});

t.test('an upstream that fails: the limits as they stand after the request', async (t) => {
  const upstream = await startRawUpstream(t, (request) => {
    if (request.target === '/cut') request.socket.destroy();
  });
  const { port } = await startGateway(t, config({}, [{ url: upstream.url, headTimeoutMs: 100 }]));
  for (const [path, status] of [
    ['/cut', 502],
    ['/slow', 504],
  ] as const) {
    const answer = await exchange(t, port, get(path));
    t.equal(answer.status, status);
    t.equal(answer.header('x-ratelimit-remaining'), '999');
  }
});
