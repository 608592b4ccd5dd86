import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import type { Limits } from '../../src/core/limits.ts';
import { openStore } from '../../src/stores/open.ts';
import { KEYS_SLOT } from '../../src/stores/redis/cluster.ts';
import { CHANGES, limitName } from '../../src/stores/redis/layout.ts';
import { newId, storeError } from '../conformance/harness.ts';
import { type ClusterNode, startCluster } from '../support/redis-cluster.ts';
import { openFinder } from './revocations.ts';
import { revoke } from './revoke.ts';

const clock = { now: () => Date.now() };
const LIMITS: Limits = { perHour: 1_000_000, perDay: 1_000_000, burst: 1_000_000 };

const cluster = await startCluster();
t.teardown(() => cluster.stop());
const settings = { kind: 'redis', url: cluster.url, timeoutMs: 1_000 } as const;

/** How many connections of a node are told of changes. */
async function links({ raw }: ClusterNode): Promise<number> {
  const list = String(await raw.call('CLIENT', 'LIST', 'TYPE', 'pubsub'));
  return list.match(/\bsub=1\b/g)?.length ?? 0;
}

/** The only primary that has links, once it is this one. */
async function linksAreAt(node: ClusterNode, count: number): Promise<void> {
  while ((await links(node)) !== count) await delay(10);
}

/** Moves a slot with its keys as `redis-cli --cluster reshard` does. @param half what happens when it is half way */
async function move(slot: number, to: ClusterNode, half: () => Promise<unknown>): Promise<void> {
  const from = await cluster.primaryOf(slot);
  const [fromId, toId] = [await from.raw.cluster('MYID'), await to.raw.cluster('MYID')];
  await to.raw.cluster('SETSLOT', slot, 'IMPORTING', fromId);
  await from.raw.cluster('SETSLOT', slot, 'MIGRATING', toId);
  await half();
  const names = await from.raw.cluster('GETKEYSINSLOT', slot, 100_000);
  if (names.length > 0) await from.raw.call('MIGRATE', '127.0.0.1', to.server.port, '', 0, 5_000, 'KEYS', ...names);
  await half();
  for (const { raw } of [to, from]) await raw.cluster('SETSLOT', slot, 'NODE', toId);
}

/** A primary that has not this slot. */
async function another(slot: number): Promise<ClusterNode> {
  const owner = await cluster.primaryOf(slot);
  for (const each of [0, 6_000, 12_000]) {
    const node = await cluster.primaryOf(each);
    if (node !== owner) return node;
  }
  throw new Error('there is one primary only');
}

/** Leases one at a time, many together. @returns how many were granted and how many failed */
async function leaseMany(
  ledger: { lease(): Promise<number> },
  count: number,
): Promise<{ granted: number; failed: number }> {
  const settled = await Promise.allSettled(Array.from({ length: count }, () => ledger.lease()));
  const granted = settled.reduce((sum, each) => sum + (each.status === 'fulfilled' ? each.value : 0), 0);
  return { granted, failed: settled.filter(({ status }) => status === 'rejected').length };
}

t.test('all that is about keys is in the slot that is looked for', async (t) => {
  const [node] = cluster.nodes;
  t.equal(await node?.raw.cluster('KEYSLOT', CHANGES), KEYS_SLOT);
});

t.test('none of the nodes answers', async (t) => {
  const url = 'redis+cluster://u:hunter2@127.0.0.1:1,127.0.0.1:2';
  const error = await openStore({ kind: 'redis', url, timeoutMs: 100 }, clock).catch((reason: unknown) => reason);
  t.match(error, { ...storeError('STORE_UNAVAILABLE'), message: /127\.0\.0\.1:1,127\.0\.0\.1:2 .*ECONNREFUSED/ });
  t.notMatch(error, { message: /hunter2/ });
});

t.test('a lease whose answer was lost is not taken again, and is given back', async (t) => {
  const store = await openStore(settings, clock);
  t.teardown(() => store.close());
  const id = newId();
  const slot = Number(await cluster.nodes[0]?.raw.cluster('KEYSLOT', limitName(id)));
  const node = await cluster.primaryOf(slot);
  const ledger = { lease: async () => (await store.limits.lease(id, LIMITS, 1)).granted };
  await ledger.lease();
  const admin = node.raw.duplicate();
  t.teardown(() => admin.disconnect());
  await admin.ping();
  let granted = 1;
  let failed = 0;
  for (let i = 0; i < 10; i++) {
    // While the server is busy the leases come to it, and then what ends their connection before they are answered.
    const busy = node.raw.eval('for i = 1, 5000000 do end', 0).catch(() => null);
    await delay(5);
    const leases = leaseMany(ledger, 20);
    await delay(5);
    await Promise.all([leases, busy, admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')]);
    const outcome = await leases;
    granted += outcome.granted;
    failed += outcome.failed;
    while ((await leaseMany(ledger, 1)).failed > 0) await delay(5);
    granted += 1;
  }
  const used = Number(await node.raw.hget(limitName(id), 'hourUsed'));
  t.ok(failed > 0, `${failed} failed`);
  t.equal(used, granted, 'what was counted is what was answered');
});

t.test('while a slot is moved its leases are counted once, and none fails', async (t) => {
  const store = await openStore(settings, clock);
  t.teardown(() => store.close());
  const id = newId();
  const slot = Number(await cluster.nodes[0]?.raw.cluster('KEYSLOT', limitName(id)));
  const to = await another(slot);
  const ledger = { lease: async () => (await store.limits.lease(id, LIMITS, 1)).granted };
  const outcomes = [await leaseMany(ledger, 100)];
  await move(slot, to, async () => outcomes.push(await leaseMany(ledger, 100)));
  outcomes.push(await leaseMany(ledger, 100));
  t.strictSame(
    outcomes,
    [1, 2, 3, 4].map(() => ({ granted: 100, failed: 0 })),
  );
  t.equal(await to.raw.hget(limitName(id), 'hourUsed'), '400');
});

t.test('when the keys are moved to another node, hints come from there', async (t) => {
  const finder = await openFinder(t, settings);
  const [first, second] = [await finder.issue(), await finder.issue()];
  await linksAreAt(await cluster.primaryOf(KEYS_SLOT), 1);
  const to = await another(KEYS_SLOT);
  await move(KEYS_SLOT, to, async () => t.ok(await finder.store.keys.get(first.id)));
  await revoke(finder.store, first.id);
  await finder.refused(first.secret);
  await linksAreAt(to, 1);
  await revoke(finder.store, second.id);
  await finder.refused(second.secret);
});

t.test('when the primary of the keys dies, another takes over', async (t) => {
  const [finder, other] = [await openFinder(t, settings), await openStore(settings, clock)];
  t.teardown(() => other.close());
  const [known, revoked] = [await finder.issue(), await finder.issue()];
  await revoke(other, revoked.id);
  await finder.refused(revoked.secret);
  const old = await cluster.primaryOf(KEYS_SLOT);
  await linksAreAt(old, 1);
  // The replica has it all: what is not replicated may be lost with the primary.
  t.equal(await old.raw.wait(1, 5_000), 1);
  await old.server.kill();
  while ((await cluster.primaryOf(KEYS_SLOT)) === old) {
    const found = finder.directory.peek(known.secret) ?? (await finder.directory.find(known.secret));
    t.equal(found?.key.record.status, 'active', 'a key in memory works meanwhile');
    await delay(50);
  }
  const began = performance.now();
  while ((await finder.store.keys.get(known.id).catch(() => null)) === null) await delay(10);
  const tookMs = performance.now() - began;
  t.comment(`${Math.round(tookMs)} ms after the others knew the new primary`);
  t.ok(tookMs < 5_000);
  await linksAreAt(await cluster.primaryOf(KEYS_SLOT), 1);
  await revoke(other, known.id);
  await finder.refused(known.secret);

  await old.server.restart();
  for (let i = 0; i < 20; i++) {
    for (const { secret } of [known, revoked]) {
      const found = finder.directory.peek(secret) ?? (await finder.directory.find(secret));
      t.equal(found?.key.record.status, 'revoked', 'also when the old primary is back');
    }
    await delay(25);
  }
});
