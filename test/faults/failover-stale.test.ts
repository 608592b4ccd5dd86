/** Gateways that have confirmed changes, and a replica that never had them and takes over. */
import t from 'tap';
import { ask, type Issued, pause, until } from '../e2e/site.ts';
import { accepted, gatewaysOver, revokedEverywhere } from './failover-load.ts';
import { PROBE, start } from './failover-place.ts';

t.test('a replica takes over that never had a revocation', async (t) => {
  const { set, raw, inStep, replicas } = await start(t);
  const failing = await gatewaysOver(t, set.url);
  const { gateways, issue, site, store } = failing;
  const [used, unused, deleted, untouched] = (await issue(4)) as [Issued, Issued, Issued, Issued];
  for (const { url } of gateways) {
    for (const { secret } of [used, deleted, untouched]) t.equal((await ask(url, secret)).status, 200);
  }
  const old = await set.primary();
  await inStep();
  await raw(old).call('ACL', 'SETUSER', 'default', '-psync', '-sync', '-replconf');
  await raw(old).call('CLIENT', 'KILL', 'TYPE', 'replica');
  for (const { id } of [used, unused]) await site.json('revoke', id);
  t.match(await site.json('delete', deleted.id, '--yes'), { propagation: { acknowledged: 2, missing: [] } });
  const { cursor } = await store.keys.changesSince(null);
  const next = await replicas();
  await old.kill();
  await accepted(next, PROBE);

  await until(async () => (await store.keys.get(used.id).catch(() => null)) !== null);
  t.match(await store.keys.get(used.id), { status: 'active' }, 'the store has lost it');
  t.match(await store.keys.changesSince(cursor), { changed: null }, 'and says that it cannot tell what changed');
  for (const { url } of gateways) {
    const asked = async (key: Issued): Promise<string | number> => {
      let answer = await ask(url, key.secret);
      while (answer.status === 503) {
        await pause(25);
        answer = await ask(url, key.secret);
      }
      return answer.code ?? answer.status;
    };
    for (let i = 0; i < 10; i++) {
      t.equal(await asked(used), 'key_revoked');
      t.equal(await asked(unused), 'key_revoked', 'also where it was never used');
      t.equal(await asked(deleted), 'key_not_found');
    }
    t.equal(await asked(untouched), 200);
  }
  const [more] = (await issue(1)) as [Issued];
  t.match(await store.keys.changesSince(cursor), { changed: null }, 'also when the new primary has a new change');
  t.equal((await ask(gateways[0]?.url ?? '', more.secret)).status, 200);

  const late = await site.serve();
  t.equal((await ask(late.url, used.secret)).status, 200, 'who was not there cannot know');
  late.child.kill('SIGTERM');
  await late.ended;
  // To revoke it once more is what helps.
  await revokedEverywhere(t, failing, used);
});
