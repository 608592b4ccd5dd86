/** Changes of keys are answered when every gateway acts on them, or with the names of those that do not yet. */
import t, { type Test } from 'tap';
import { NO_PLACES } from '../../src/core/places.ts';
import { type Store, StoreError } from '../../src/core/ports.ts';
import { KeyDirectory } from '../../src/keys/directory.ts';
import { createSecretHasher } from '../../src/keys/hasher.ts';
import { loadKey } from '../../src/keys/loader.ts';
import { Administration } from '../../src/management/administration.ts';
import type { ManagementClient } from '../../src/management/client.ts';
import type { KeyIssued } from '../../src/management/schemas/key.ts';
import type { Propagation } from '../../src/management/schemas/receipt.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { Presence } from '../../src/wiring/presence.ts';
import { ManualClock } from '../support/clock.ts';
import { CATALOGUE, sqliteStore } from '../support/keys.ts';
import { type AdminFixture, administer, callerOf } from '../support/management.ts';
import { serveManagement } from './gateway.ts';

const HASHER = createSecretHasher([]);
const LOG = createLogger({ level: 'silent', format: 'json', requests: false }, { stdoutIsTerminal: false });
/** A second, and what timers and a busy machine add to it. */
const BOUND_MS = 10_000;

/** What of a gateway holds keys and says so, on the store of a fixture. */
async function gateway(t: Test, { store, clock }: Pick<AdminFixture, 'store' | 'clock'>, name: string) {
  const presence = new Presence({ registry: store.gateways, name: () => name, logger: LOG.logger });
  const options = { maxKeys: 100, maxUnknown: 100, ttlMs: 60_000, unknownTtlMs: 1_000, maxStaleMs: 60_000 };
  const load = (record: Parameters<typeof loadKey>[0]) => loadKey(record, CATALOGUE, NO_PLACES);
  const onApplied = (cursor: string): void => presence.applied(cursor);
  const keys = new KeyDirectory(store.keys, HASHER, load, clock, { ...options, onApplied });
  await keys.start();
  await presence.start();
  t.teardown(async () => {
    await presence.stop();
    keys.stop();
  });
  return { keys, presence };
}

/** A gateway that says nothing any more, and never confirmed anything. */
async function silent({ store, clock }: AdminFixture, id = 'gw_silent', name = 'gw-a:8080'): Promise<void> {
  await store.gateways.report({ id, name, cursor: '0' });
  clock.advance(2_000);
}

function made(admin: ManagementClient, owner = 'ann'): Promise<KeyIssued> {
  return admin.createKey({ name: 'x', type: 'personal', owner });
}

/** Every change of a key, each of a key of its own, all at a time. */
async function everyChange(admin: ManagementClient): Promise<Record<string, Propagation | null>> {
  const [a, b, c, d, e, f, g] = await Promise.all(Array.from({ length: 7 }, () => made(admin)));
  const id = (key: KeyIssued | undefined): string => key?.id ?? '';
  const answers = await Promise.all([
    admin.revokeKey(id(a)),
    admin.disableKey(id(b)),
    admin.enableKey(id(c)),
    admin.rotateKey(id(d), { grace_period: '0' }),
    admin.updateKey(id(e), { name: 'y' }),
    admin.deleteKey(id(f)),
    admin.bulkChange({ action: 'revoke', filter: { ids: [id(g)] } }),
  ]);
  const names = ['revoke', 'disable', 'enable', 'rotate', 'update', 'delete', 'bulk'];
  return Object.fromEntries(answers.map(({ propagation }, i) => [names[i] ?? '', propagation]));
}

t.test('without a gateway there is nobody to wait for', async (t) => {
  const { admin } = await administer(t);
  const nobody = { acknowledged: 0, gateways: 0, took_ms: 0, missing: [] };
  for (const [change, propagation] of Object.entries(await everyChange(admin))) {
    t.strictSame(propagation, nobody, change);
  }
});

t.test('every change waits until all gateways have confirmed it', async (t) => {
  const fixture = await administer(t);
  await gateway(t, fixture, 'gw-a:8080');
  await gateway(t, fixture, 'gw-b:8080');
  for (const [change, propagation] of Object.entries(await everyChange(fixture.admin))) {
    t.match(propagation, { acknowledged: 2, gateways: 2, missing: [] }, change);
  }
});

t.test('a gateway that has confirmed a change uses nothing that was before it', async (t) => {
  const fixture = await administer(t);
  const { admin } = fixture;
  const { keys } = await gateway(t, fixture, 'gw-a:8080');
  /** Status of the key that a secret opens; undefined: the store must be asked, null: none. */
  const held = (secret: string): string | null | undefined => {
    const found = keys.peek(secret);
    return found === null || found === undefined ? found : found.key.record.status;
  };
  const [revoked, rotated, graced] = [await made(admin), await made(admin), await made(admin)];
  for (const { secret } of [revoked, rotated, graced]) await keys.find(secret);
  t.strictSame(
    [revoked, rotated, graced].map(({ secret }) => held(secret)),
    ['active', 'active', 'active'],
  );

  t.match(await admin.revokeKey(revoked.id), { propagation: { acknowledged: 1 } });
  t.equal(held(revoked.secret), undefined, 'not used from memory from the answer on');
  t.equal((await keys.find(revoked.secret))?.key.record.status, 'revoked');

  t.match(await admin.rotateKey(rotated.id, { grace_period: '0' }), { propagation: { acknowledged: 1 } });
  t.equal(held(rotated.secret), undefined);
  t.equal(await keys.find(rotated.secret), null, 'without grace the old secret opens nothing');

  const { new_secret, propagation } = await admin.rotateKey(graced.id, { grace_period: '1h' });
  t.match(propagation, { acknowledged: 1 });
  t.match(
    await keys.find(graced.secret),
    { previousSecret: true },
    'with grace it works on, and is known as the old one',
  );
  t.match(await keys.find(new_secret), { previousSecret: false });
});

t.test('a gateway that does not confirm is named within the bound, and the change is made', async (t) => {
  const fixture = await administer(t);
  const { admin } = fixture;
  await silent(fixture);
  await gateway(t, fixture, 'gw-b:8080');
  const began = performance.now();
  for (const [change, propagation] of Object.entries(await everyChange(admin))) {
    t.match(
      propagation,
      { acknowledged: 1, gateways: 2, missing: [{ gateway: 'gw-a:8080', heard_ms_ago: 2_000 }] },
      change,
    );
  }
  const tookMs = performance.now() - began;
  t.ok(tookMs >= 1_000 && tookMs < BOUND_MS, `it was waited for a second, not ${tookMs} ms`);
  const { keys } = await admin.listKeys({ status: 'revoked' });
  t.equal(keys.length, 2, 'both revocations are made');
});

t.test('one that dies is not waited for once it was silent for too long', async (t) => {
  const fixture = await administer(t);
  await silent(fixture);
  fixture.clock.advance(4_000);
  const { id } = await made(fixture.admin);
  t.match(await fixture.admin.revokeKey(id), { propagation: { acknowledged: 0, gateways: 0, missing: [] } });
});

t.test('to ask again is to be told anew who has confirmed', async (t) => {
  const fixture = await administer(t);
  const { admin, store } = fixture;
  await silent(fixture);
  const { id } = await made(admin);
  t.match(await admin.revokeKey(id), { version: 2, propagation: { acknowledged: 0, gateways: 1 } });
  const { cursor } = await store.keys.changesSince(null);
  await store.gateways.report({ id: 'gw_silent', name: 'gw-a:8080', cursor });
  t.match(await admin.revokeKey(id), { version: 2, propagation: { acknowledged: 1, gateways: 1, missing: [] } });
});

t.test('many keys at once have one receipt, for the last of them; a dry run has none', async (t) => {
  const fixture = await administer(t);
  const { admin, store } = fixture;
  const { keys } = await gateway(t, fixture, 'gw-a:8080');
  const all = await Promise.all(Array.from({ length: 40 }, () => made(admin)));
  for (const { secret } of all) await keys.find(secret);
  const filter = { owner: 'ann' };
  t.match(await admin.bulkChange({ action: 'revoke', filter, dry_run: true }), { changed: 40, propagation: null });
  const before = await store.keys.changesSince(null);
  const done = await admin.bulkChange({ action: 'revoke', filter });
  t.match(done, { changed: 40, propagation: { acknowledged: 1, gateways: 1, missing: [] } });
  t.equal((await store.keys.changesSince(before.cursor)).changed?.length, 40);
  t.ok(
    all.every(({ secret }) => keys.peek(secret) === undefined),
    'and it confirmed every one of them',
  );
});

t.test('the gateway that serves the call acts on the change before it is waited for', async (t) => {
  const clock = new ManualClock();
  const store = await sqliteStore(t, clock);
  const { config } = await administer(t);
  let refreshed = 0;
  const administration = new Administration({
    store,
    clock,
    config,
    places: () => ({ places: NO_PLACES, gaps: [] }),
    claimSalt: Buffer.alloc(0),
    onChange: async () => {
      refreshed++;
      const { cursor } = await store.keys.changesSince(null);
      await store.gateways.report({ id: 'gw_own', name: 'own', cursor });
    },
  });
  await store.gateways.report({ id: 'gw_own', name: 'own', cursor: '0' });
  const admin = administration.as(callerOf('root', ['admin:write']));
  const { id } = await made(admin);
  t.match(await admin.revokeKey(id), { propagation: { acknowledged: 1, gateways: 1 } });
  t.equal(refreshed, 1);
});

t.test('a store that does not say who is there leaves the change made', async (t) => {
  const fixture = await administer(t);
  const { config, clock } = fixture;
  const store: Store = {
    ...fixture.store,
    gateways: {
      ...fixture.store.gateways,
      progress: () => Promise.reject(new StoreError('STORE_UNAVAILABLE', 'gone')),
    },
  };
  const places = () => ({ places: NO_PLACES, gaps: [] });
  const administration = new Administration({ store, clock, config, places, claimSalt: Buffer.alloc(0) });
  const admin = administration.as(callerOf('root', ['admin:write']));
  const { id } = await made(admin);
  t.match(await admin.rotateKey(id, {}), { new_secret: /^lk_/, propagation: null });
  t.match(await admin.revokeKey(id), { status: 'revoked', propagation: null });
  t.match(await fixture.admin.getKey(id), { status: 'revoked' });
  t.match(await admin.deleteKey(id), { id, deleted: true, propagation: null });
});

t.test('over HTTP; who may not read everything learns no names of machines', async (t) => {
  const served = await serveManagement(t);
  await silent(served);
  const [root, reader, ann] = await Promise.all(
    [['admin:write'], ['admin:read', 'domains:read'], []].map(async (permissions, i) =>
      served.remote(await served.token(permissions, ['root', 'ann', 'ann'][i])),
    ),
  );
  if (root === undefined || reader === undefined || ann === undefined) throw new Error('a client is missing');
  const [first, second, third] = [await made(root), await made(root), await made(root)];
  const receipts = await Promise.all([root.deleteKey(first.id), reader.revokeKey(second.id), ann.revokeKey(third.id)]);
  t.strictSame(
    receipts.map(({ propagation }) => propagation?.missing.map(({ gateway }) => gateway)),
    [['gw-a:8080'], ['gw-a:8080'], ['gw_silent']],
  );
  const { id } = await made(root);
  await served.store.gateways.leave('gw_silent');
  const authorization = `Bearer ${await served.token()}`;
  const answer = await fetch(`${served.url}/api-keys/${id}`, { method: 'DELETE', headers: { authorization } });
  t.equal(answer.status, 200);
  t.equal(answer.headers.get('etag'), null, 'what is gone has no version');
  t.match(await answer.json(), { id, deleted: true, propagation: { gateways: 0 } });
});
