/** Gateways over a cluster whose primaries die or hang, and whose slots move, while they are asked. */
import t from 'tap';
import { HOUR_MS, type Limits } from '../../src/core/limits.ts';
import { KEYS_SLOT } from '../../src/stores/redis/cluster.ts';
import { CHANGES, limitName } from '../../src/stores/redis/layout.ts';
import { ask, type Issued, until } from '../e2e/site.ts';
import { type ClusterNode, startCluster } from '../support/redis-cluster.ts';
import { accepted, failOver, gatewaysOver, holds, LIMIT, Load, revokedEverywhere } from './failover-load.ts';

const cluster = await startCluster();
t.teardown(() => cluster.stop());
const failing = await gatewaysOver(t, cluster.url);

async function slotOf({ id }: Issued): Promise<number> {
  return Number(await cluster.nodes[0]?.raw.cluster('KEYSLOT', limitName(id)));
}

/** A key that is counted on another node than the one that has the keys. */
async function elsewhere(limits: Limits): Promise<Issued> {
  const owner = await cluster.primaryOf(KEYS_SLOT);
  for (;;) {
    const [key] = (await failing.issue(1, limits)) as [Issued];
    if ((await cluster.primaryOf(await slotOf(key))) !== owner) return key;
  }
}

/** Moves a slot with its keys as `redis-cli --cluster reshard` does. */
async function move(slot: number, from: ClusterNode, to: ClusterNode): Promise<void> {
  const [fromId, toId] = [await from.raw.cluster('MYID'), await to.raw.cluster('MYID')];
  await to.raw.cluster('SETSLOT', slot, 'IMPORTING', fromId);
  await from.raw.cluster('SETSLOT', slot, 'MIGRATING', toId);
  for (;;) {
    const names = await from.raw.cluster('GETKEYSINSLOT', slot, 100);
    if (names.length === 0) break;
    await from.raw.call('MIGRATE', '127.0.0.1', to.server.port, '', 0, 5_000, 'KEYS', ...names);
  }
  for (const { raw } of [to, from]) await raw.cluster('SETSLOT', slot, 'NODE', toId);
}

/** A node from which a replica may take over. */
async function inStep(node: ClusterNode): Promise<void> {
  await until(async () => (await node.raw.wait(1, 200).catch(() => 0)) > 0);
}

/** Which slot is needed for a key of this kind, by a name in it. */
const NAMES = { keys: () => CHANGES, counts: (limited: Issued) => limitName(limited.id) } as const;

t.test('under load, slots move from node to node', async (t) => {
  const { issue, gateways } = failing;
  const [known, revoked] = (await issue(2)) as [Issued, Issued];
  const limited = await elsewhere({ perHour: LIMIT, perDay: LIMIT * 10, burst: LIMIT * 10 });
  const fresh = await issue(600);
  const hour = Math.floor(Date.now() / HOUR_MS);
  for (const { url } of gateways) t.match(await ask(url, known.secret), { status: 200 });
  await revokedEverywhere(t, failing, revoked);
  const load = new Load(gateways, {
    known: () => known.secret,
    new: () => fresh.pop()?.secret ?? known.secret,
    revoked: () => revoked.secret,
    limited: () => limited.secret,
  });
  for (const slot of [KEYS_SLOT, await slotOf(limited)]) {
    for (const part of [0, 6_000, 12_000]) {
      const [from, to] = [await cluster.primaryOf(slot), await cluster.primaryOf(part)];
      if (from !== to) await move(slot, from, to);
      const { length } = load.answers;
      await until(() => load.answers.length >= length + 40);
    }
  }
  await until(() => load.said('limited')['429 rate_limited'] !== undefined);
  await load.stop();
  holds(t, load);
  t.ok(load.passed('limited') <= LIMIT * (1 + Math.floor(Date.now() / HOUR_MS) - hour), 'nothing is forgotten');
});

for (const [what, how] of [
  ['keys', 'dies'],
  ['counts', 'hangs'],
] as const) {
  t.test(`under load, the primary of the ${what} ${how}`, async (t) => {
    let old: ClusterNode | undefined;
    let others: ClusterNode[] = [];
    await failOver(t, failing, {
      limited: elsewhere,
      settle: async (limited) => {
        const node = await cluster.primaryOf(what === 'keys' ? KEYS_SLOT : await slotOf(limited));
        await inStep(node);
        old = node;
        others = cluster.nodes.filter((each) => each !== node);
      },
      begin: async () => (how === 'dies' ? old?.server.kill() : old?.server.suspend()),
      back: (limited) =>
        accepted(
          others.map(({ raw }) => raw),
          NAMES[what](limited),
        ),
      end: async () => (how === 'dies' ? old?.server.restart() : old?.server.resume()),
    });
  });
}
