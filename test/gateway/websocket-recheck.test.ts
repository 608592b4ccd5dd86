import t, { type Test } from 'tap';
import type { CompiledRestriction } from '../../src/core/decision.ts';
import { deny } from '../../src/core/denial.ts';
import type { Gate } from '../../src/core/gate.ts';
import { StoreError } from '../../src/core/ports.ts';
import { RouteTable } from '../../src/core/route.ts';
import { KeyDirectory } from '../../src/keys/directory.ts';
import { createSecretHasher } from '../../src/keys/hasher.ts';
import { loadKey } from '../../src/keys/loader.ts';
import { ManualClock } from '../support/clock.ts';
import { lease, loadedKey, NOW, type StubGate, stubGate } from '../support/gateway.ts';
import { CATALOGUE, issuedKey, sqliteStore } from '../support/keys.ts';
import {
  dialRaw,
  frame,
  openTunnel,
  readClose,
  type Settings,
  start,
  type Teardown,
  upgradeHead,
  type Wire,
  wsUpstream,
} from './websocket-fixture.ts';

/** A WebSocket that is asked about all the time, with whatever else the test says. */
function openQuick(t: Teardown, gate: StubGate, settings: Settings = {}, head = upgradeHead()): Opening {
  return openTunnel(t, { ...settings, gate, upgrader: { ...settings.upgrader, ...QUICK } }, head);
}

type Opening = ReturnType<typeof openTunnel>;
const QUICK = { waits: { recheckMs: 10 } };

/** The Close that a wire is sent. */
async function closeOf(wire: Wire): Promise<{ code: number; reason: string }> {
  await wire.until(({ received }) => readClose(received) !== null);
  const { code = 0, reason = '' } = readClose(wire.received) ?? {};
  return { code, reason };
}

/** Nothing was sent to the client so far, and what the upstream sends still comes through. */
async function isOpen(t: Test, { client, upstream }: Awaited<Opening>): Promise<void> {
  const said = frame(2, 'still open', false);
  upstream.write(said);
  await client.until(({ received }) => received.length >= said.length);
  t.strictSame(client.received, said);
}

/** Counts how often a tunnel is asked about: what holds for every request is the first thing that is. */
class Questions {
  count = 0;
  readonly restriction: CompiledRestriction;
  #wake: () => void = () => undefined;

  constructor() {
    const asked = (): null => {
      this.count++;
      this.#wake();
      return null;
    };
    this.restriction = { name: 'count', isShadow: false, test: asked };
  }

  /** Resolves when so many more were asked. */
  async more(count: number): Promise<void> {
    const last = this.count + count;
    while (this.count < last) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** A gate in front of keys that a test changes, and what it is asked. */
function countingGate(...restrictions: readonly CompiledRestriction[]): { gate: StubGate; questions: Questions } {
  const questions = new Questions();
  return { gate: Object.assign(stubGate(), { restrictions: [questions.restriction, ...restrictions] }), questions };
}

function refusing(isShadow = false): CompiledRestriction {
  return { name: 'ip', isShadow, test: () => deny('ip_blocked', 'Not from here.') };
}

const CHANGES: [string, string, (gate: StubGate) => void][] = [
  ['revoked', 'key_revoked', (gate) => gate.secrets.set('lk_test', loadedKey({ status: 'revoked' }))],
  ['disabled', 'key_disabled', (gate) => gate.secrets.set('lk_test', loadedKey({ status: 'disabled' }))],
  ['past its expiry', 'key_expired', (gate) => gate.secrets.set('lk_test', loadedKey({ expiresAt: NOW - 1 }))],
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
    const gate = stubGate();
    const access = { anyKey: [], permissions: { 'live:read': ['GET /ws'] } };
    const { client, upstream, reported } = await openQuick(t, gate, { access });
    change(gate);
    Object.assign(gate, { failures: { blockedFor: () => 0, record: () => t.fail('an open tunnel is no attempt') } });
    t.match(await closeOf(client), { code: 1008, reason });
    t.match(await closeOf(upstream), { code: 1008, reason });
    client.socket.end();
    upstream.socket.end();
    t.match(await reported(1), [{ status: 101, aborted: 'gateway' }]);
  });
}

t.test('a key that stays as it is keeps what it has open, and spends nothing for that', async (t) => {
  const { gate, questions } = countingGate();
  let admissions = 0;
  Object.assign(gate, {
    limiter: { admit: () => (admissions++, lease()) },
    // A neighbour behind the same address is guessing keys.
    failures: { blockedFor: () => (admissions > 0 ? 60 : 0), record: () => t.fail('no attempt failed') },
  });
  const opened = await openQuick(t, gate);
  await questions.more(3);
  await isOpen(t, opened);
  t.equal(admissions, 1);
});

t.test('the store is asked once a round for each secret, whatever that has open', async (t) => {
  const { gate, questions } = countingGate();
  let asked = 0;
  const { find } = gate.keys;
  const askedFor = async (secret: string) => {
    asked++;
    return find(secret);
  };
  Object.assign(gate, { keys: { peek: () => undefined, find: askedFor, lastAddress: () => null } });
  const server = await wsUpstream(t, () => undefined);
  const { port } = await start(t, server.url, { gate, upgrader: QUICK });
  for (let i = 0; i < 5; i++) {
    const client = await dialRaw(t, port);
    client.write(upgradeHead());
    t.match(await client.head(), /^HTTP\/1\.1 101 /);
  }
  asked = 0;
  await questions.more(15);
  t.equal(asked, 3, 'in three rounds of five');
});

t.test('on a public route there is no key to ask about', async (t) => {
  const { gate, questions } = countingGate();
  const ask = (): null => {
    t.fail('there is no key');
    return null;
  };
  Object.assign(gate, { keys: { peek: ask, find: ask, lastAddress: () => null } });
  const opened = await openQuick(t, gate, {}, upgradeHead({ Authorization: null }, 'GET /public/ws HTTP/1.1'));
  await questions.more(2);
  await isOpen(t, opened);
});

t.test('what is in shadow closes nothing', async (t) => {
  const { gate, questions } = countingGate(refusing(true));
  const opened = await openQuick(t, gate);
  gate.secrets.set('lk_test', { ...loadedKey(), restrictions: [refusing(true)], shadowsLimits: true });
  await questions.more(2);
  await isOpen(t, opened);
});

t.test('on a public route too, the places that nobody may come from are asked about', async (t) => {
  const gate = stubGate();
  const { client } = await openQuick(t, gate, {}, upgradeHead({ Authorization: null }, 'GET /public/ws HTTP/1.1'));
  Object.assign(gate, { restrictions: [refusing()] });
  t.match(await closeOf(client), { code: 1008, reason: 'ip_blocked' });
});

t.test(
  'an upgrade from a place that nobody may come from reaches nobody, whatever the key and the route',
  async (t) => {
    const gate = Object.assign(stubGate(), { restrictions: [refusing()] });
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
  let routes = new RouteTable({ public: [], anyKey: ['* /*'], permissions: {} });
  const { client } = await openQuick(t, stubGate(), { upgrader: { routes: () => routes } });
  routes = new RouteTable({ public: [], anyKey: ['GET /other'], permissions: {} });
  t.match(await closeOf(client), { code: 1008, reason: 'route_not_found' });
});

t.test('a store that cannot be asked is not a refusal, for a while', async (t) => {
  const { gate, questions } = countingGate();
  const clock = new ManualClock(NOW);
  let down = false;
  const { peek } = gate.keys;
  Object.assign(gate, {
    clock,
    keys: {
      peek: (secret: string) => (down ? undefined : peek(secret)),
      find: () => Promise.reject(new StoreError('STORE_UNAVAILABLE', 'down')),
      lastAddress: () => null,
    },
  });
  const opened = await openQuick(t, gate, { upgrader: { maxStaleMs: 2000 } });
  down = true;
  clock.advance(1999);
  await questions.more(2);
  await isOpen(t, opened);
  opened.client.received = Buffer.alloc(0);
  clock.advance(1);
  t.match(await closeOf(opened.client), { code: 1008, reason: 'key_store_unavailable' });
});

t.test('a check that fails lets nobody stay', async (t) => {
  const gate = stubGate();
  const { client } = await openQuick(t, gate);
  Object.assign(gate.keys, {
    peek: () => {
      throw new Error('broken');
    },
  });
  t.match(await closeOf(client), { code: 1008, reason: 'key_store_unavailable' });
});

t.test('a key that is revoked in the store is dead within about a second', async (t) => {
  const clock = { now: () => Date.now() };
  const store = await sqliteStore(t, clock);
  const hasher = createSecretHasher([]);
  const { record, secret } = issuedKey({ permissions: ['*'] }, hasher);
  await store.keys.create(record);
  const options = { maxKeys: 10, maxUnknown: 10, ttlMs: 60_000, unknownTtlMs: 1000, maxStaleMs: 60_000 };
  const directory = new KeyDirectory(store.keys, hasher, (each) => loadKey(each, CATALOGUE), clock, options);
  await directory.start();
  t.teardown(() => directory.stop());
  const gate: Gate = { ...stubGate(), clock, keys: directory };
  const { client } = await openTunnel(
    t,
    { gate: gate as StubGate },
    upgradeHead({ Authorization: `Bearer ${secret}` }),
  );
  await store.keys.replace({ ...record, status: 'revoked', revokedAt: Date.now(), version: record.version + 1 });
  const began = performance.now();
  t.match(await closeOf(client), { code: 1008, reason: 'key_revoked' });
  const ms = performance.now() - began;
  t.ok(ms < 3000, `after ${ms} ms, on a machine that does other things too`);
});
