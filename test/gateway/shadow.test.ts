import t from 'tap';
import type { CompiledRestriction } from '../../src/core/decision.ts';
import { type Denial, deny } from '../../src/core/denial.ts';
import { config, loadedKey, type StubGate, startGateway, stubGate } from '../support/gateway.ts';
import { exchange, get } from '../support/raw-client.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';
import { dialRaw, openTunnel, start, upgradeHead } from './websocket-fixture.ts';

const BLOCKED = deny('ip_blocked', 'Not from here.');
const LATE = deny('outside_allowed_hours', 'Not now.');
const UNREADABLE = deny('restriction_unreadable', 'Ask your administrator.', {}, 'ip: "x" is no address');

function restriction(denial: Denial, isShadow: boolean): CompiledRestriction {
  return { name: 'test', isShadow, test: () => denial };
}

/** A gate to a key with these restrictions. */
function gateWith(...restrictions: readonly CompiledRestriction[]): StubGate {
  return stubGate({ lk_test: { ...loadedKey(), restrictions } });
}

t.test('what is in shadow and would have denied is reported, each code once, of one that passes', async (t) => {
  const upstream = await startRawUpstream(t, (request) => request.ok('x'));
  const gate = gateWith(restriction(BLOCKED, true), restriction(LATE, true), restriction(BLOCKED, true));
  const { port, reported } = await startGateway(t, config({}, [{ url: upstream.url }]), { gate });
  t.equal((await exchange(t, port, get('/api/things'))).status, 200);
  gate.secrets.set('lk_test', loadedKey());
  await exchange(t, port, get('/api/things'));
  const [seen, ordinary] = await reported(2);
  t.match(seen, { status: 200, allowed: true, code: null, failure: null });
  t.strictSame(seen?.wouldDeny, ['ip_blocked', 'outside_allowed_hours']);
  t.equal(ordinary?.wouldDeny, null);
});

t.test('why a request was denied that only the log may know is reported, beside what is in shadow', async (t) => {
  const gate = gateWith(restriction(BLOCKED, true), restriction(UNREADABLE, false));
  const { port, reported } = await startGateway(t, config(), { gate });
  const answer = await exchange(t, port, get('/api/things'));
  t.equal(answer.status, 403);
  t.notMatch(answer.body, 'no address');
  const [seen] = await reported(1);
  t.match(seen, { code: 'restriction_unreadable', allowed: false, failure: 'ip: "x" is no address' });
  t.strictSame(seen?.wouldDeny, ['ip_blocked']);
});

t.test('of WebSockets the same is reported', async (t) => {
  const { client, reported } = await openTunnel(t, { gate: gateWith(restriction(BLOCKED, true)) });
  client.socket.resetAndDestroy();
  t.match(await reported(1), [{ status: 101, wouldDeny: ['ip_blocked'], failure: null }]);
  const denying = await start(t, 'http://127.0.0.1:1', { gate: gateWith(restriction(UNREADABLE, false)) });
  const refused = await dialRaw(t, denying.port);
  refused.write(upgradeHead());
  t.match(await refused.head(), /^HTTP\/1.1 403 /);
  refused.socket.end();
  t.match(await denying.reported(1), [{ status: 403, wouldDeny: null, failure: 'ip: "x" is no address' }]);
});
