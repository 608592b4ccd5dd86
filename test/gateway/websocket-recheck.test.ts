import { setTimeout as after } from 'node:timers/promises';
import t from 'tap';
import type { CompiledRestriction } from '../../src/core/decision.ts';
import { deny } from '../../src/core/denial.ts';
import type { Gate } from '../../src/core/gate.ts';
import { StoreError } from '../../src/core/ports.ts';
import { RouteTable } from '../../src/core/route.ts';
import { KeyDirectory } from '../../src/keys/directory.ts';
import { createSecretHasher } from '../../src/keys/hasher.ts';
import { loadKey } from '../../src/keys/loader.ts';
import { lease, loadedKey, type StubGate, stubGate } from '../support/gateway.ts';
import { CATALOGUE, issuedKey, sqliteStore } from '../support/keys.ts';
import {
  dialRaw,
  openTunnel,
  readClose,
  type Settings,
  start,
  upgradeHead,
  type Wire,
  wsUpstream,
} from './websocket-fixture.ts';

const CLOCK = { now: () => Date.now() };

/** A gate of real time, in front of keys that a test changes. */
function gateAt(): StubGate {
  return Object.assign(stubGate(), { clock: CLOCK });
}

/** The Close that a wire is sent, and how long that took. */
async function closeOf(wire: Wire): Promise<{ code: number; reason: string; ms: number }> {
  const began = performance.now();
  await wire.until(({ received }) => readClose(received) !== null);
  const { code = 0, reason = '' } = readClose(wire.received) ?? {};
  return { code, reason, ms: performance.now() - began };
}

function refusing(isShadow = false): CompiledRestriction {
  return { name: 'ip', isShadow, test: () => deny('ip_blocked', 'Not from here.') };
}

const CHANGES: [string, string, (gate: StubGate) => void][] = [
  ['revoked', 'key_revoked', (gate) => gate.secrets.set('lk_test', loadedKey({ status: 'revoked' }))],
  ['disabled', 'key_disabled', (gate) => gate.secrets.set('lk_test', loadedKey({ status: 'disabled' }))],
  ['past its expiry', 'key_expired', (gate) => gate.secrets.set('lk_test', loadedKey({ expiresAt: Date.now() - 1 }))],
  ['gone', 'key_not_found', (gate) => gate.secrets.delete('lk_test')],
  [
    'without the permission',
    'permission_denied',
    (gate) => gate.secrets.set('lk_test', loadedKey({ permissions: [] })),
  ],
  [
    'restricted to elsewhere',
    'ip_blocked',
    (gate) => gate.secrets.set('lk_test', { ...loadedKey(), restrictions: [refusing()] }),
  ],
  [
    'from a place that nobody may come from',
    'ip_blocked',
    (gate) => Object.assign(gate, { restrictions: [refusing()] }),
  ],
];

for (const [state, reason, change] of CHANGES) {
  t.test(`a key that is ${state} loses what it has open, on both sides`, async (t) => {
    const gate = gateAt();
    const access = { anyKey: [], permissions: { 'live:read': ['GET /ws'] } };
    const { client, upstream, reported } = await openTunnel(t, { gate, access });
    change(gate);
    Object.assign(gate, { failures: { blockedFor: () => 0, record: () => t.fail('an open tunnel is no attempt') } });
    const seen = await closeOf(client);
    t.match(seen, { code: 1008, reason });
    t.match(await closeOf(upstream), { code: 1008, reason });
    client.socket.end();
    upstream.socket.end();
    t.match(await reported(1), [{ status: 101, aborted: 'gateway' }]);
  });
}

t.test('a key that stays as it is keeps what it has open, and spends nothing for that', async (t) => {
  const gate = gateAt();
  let admissions = 0;
  let asked = 0;
  const { promise: askedTwiceMore, resolve } = Promise.withResolvers<void>();
  const { peek } = gate.keys;
  const askedFor = (secret: string) => {
    if (++asked === 3) resolve();
    return peek(secret);
  };
  Object.assign(gate, {
    limiter: { admit: () => (admissions++, lease()) },
    // A neighbour behind the same address is guessing keys.
    failures: { blockedFor: () => (admissions > 0 ? 60 : 0), record: () => t.fail('no attempt failed') },
    keys: { ...gate.keys, peek: askedFor },
  });
  const { upgrader } = await openTunnel(t, { gate });
  await askedTwiceMore;
  t.equal(upgrader.open, 1);
  t.equal(admissions, 1);
});

t.test('the store is asked once a round for each secret, whatever that has open', async (t) => {
  const gate = gateAt();
  let asked = 0;
  const { find } = gate.keys;
  const askedFor = async (secret: string) => {
    asked++;
    return find(secret);
  };
  Object.assign(gate, { keys: { peek: () => undefined, find: askedFor, lastAddress: () => null } });
  const server = await wsUpstream(t, () => undefined);
  const { port, upgrader } = await start(t, server.url, { gate });
  for (let i = 0; i < 5; i++) {
    const client = await dialRaw(t, port);
    client.write(upgradeHead());
    t.match(await client.head(), /^HTTP\/1\.1 101 /);
  }
  asked = 0;
  await after(1200);
  t.ok(asked >= 1 && asked <= 4, `${asked} questions`);
  t.equal(upgrader.open, 5);
});

t.test('on a public route there is no key to ask about', async (t) => {
  const gate = gateAt();
  const head = upgradeHead({ Authorization: null }, 'GET /public/ws HTTP/1.1');
  const { upgrader } = await openTunnel(t, { gate }, head);
  await after(1200);
  t.equal(upgrader.open, 1);
});

t.test('what is in shadow closes nothing', async (t) => {
  const gate = gateAt();
  const { upgrader } = await openTunnel(t, { gate });
  gate.secrets.set('lk_test', { ...loadedKey(), restrictions: [refusing(true)], shadowsLimits: true });
  Object.assign(gate, { restrictions: [refusing(true)] });
  await after(1200);
  t.equal(upgrader.open, 1);
});

t.test('on a public route too, the places that nobody may come from are asked about', async (t) => {
  const gate = gateAt();
  const head = upgradeHead({ Authorization: null }, 'GET /public/ws HTTP/1.1');
  const { client } = await openTunnel(t, { gate }, head);
  Object.assign(gate, { restrictions: [refusing()] });
  t.match(await closeOf(client), { code: 1008, reason: 'ip_blocked' });
});

t.test(
  'an upgrade from a place that nobody may come from reaches nobody, whatever the key and the route',
  async (t) => {
    const gate = Object.assign(gateAt(), { restrictions: [refusing()] });
    const server = await wsUpstream(t, () => t.fail('it was not to be asked'));
    const { port } = await start(t, server.url, { gate });
    for (const head of [
      upgradeHead(),
      upgradeHead({ Authorization: 'Bearer wrong' }),
      upgradeHead({ Authorization: null }, 'GET /public/ws HTTP/1.1'),
    ]) {
      const client = await dialRaw(t, port);
      client.write(head);
      t.match(await client.head(), /^HTTP\/1\.1 403 /);
    }
  },
);

t.test('the routes that hold now are asked', async (t) => {
  const gate = gateAt();
  let routes = new RouteTable({ public: [], anyKey: ['* /*'], permissions: {} });
  const settings: Settings = { gate, upgrader: { routes: () => routes } };
  const { client } = await openTunnel(t, settings);
  routes = new RouteTable({ public: [], anyKey: ['GET /other'], permissions: {} });
  t.match(await closeOf(client), { code: 1008, reason: 'route_not_found' });
});

t.test('a store that cannot be asked is not a refusal, for a while', async (t) => {
  const gate = gateAt();
  let down = false;
  const { peek } = gate.keys;
  Object.assign(gate, {
    keys: {
      peek: (secret: string) => (down ? undefined : peek(secret)),
      find: () => Promise.reject(new StoreError('STORE_UNAVAILABLE', 'down')),
      lastAddress: () => null,
    },
  });
  const { client, upgrader } = await openTunnel(t, { gate, upgrader: { maxStaleMs: 2000 } });
  down = true;
  await after(1100);
  t.equal(upgrader.open, 1);
  t.match(await closeOf(client), { code: 1008, reason: 'key_store_unavailable' });
});

t.test('a check that fails lets nobody stay', async (t) => {
  const gate = gateAt();
  const { client } = await openTunnel(t, { gate });
  Object.assign(gate.keys, {
    peek: () => {
      throw new Error('broken');
    },
  });
  t.match(await closeOf(client), { code: 1008, reason: 'key_store_unavailable' });
});

t.test('a key that is revoked in the store is dead within about a second', async (t) => {
  const store = await sqliteStore(t, CLOCK);
  const hasher = createSecretHasher([]);
  const { record, secret } = issuedKey({ permissions: ['*'] }, hasher);
  await store.keys.create(record);
  const options = { maxKeys: 10, maxUnknown: 10, ttlMs: 60_000, unknownTtlMs: 1000, maxStaleMs: 60_000 };
  const directory = new KeyDirectory(store.keys, hasher, (each) => loadKey(each, CATALOGUE), CLOCK, options);
  await directory.start();
  t.teardown(() => directory.stop());
  const gate: Gate = { ...gateAt(), clock: CLOCK, keys: directory };
  const { client } = await openTunnel(
    t,
    { gate: gate as StubGate },
    upgradeHead({ Authorization: `Bearer ${secret}` }),
  );
  await store.keys.replace({ ...record, status: 'revoked', revokedAt: Date.now(), version: record.version + 1 });
  const { code, reason, ms } = await closeOf(client);
  t.same([code, reason], [1008, 'key_revoked']);
  t.ok(ms < 3000, `after ${ms} ms, on a machine that does other things too`);
});
