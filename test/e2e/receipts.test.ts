/** Gateways in processes of their own: a change is answered when all of them act on it, or says who does not. */
import t, { type Test } from 'tap';
import type { Propagation } from '../../src/management/schemas/receipt.ts';
import { cli } from '../cli/run.ts';
import type { Serving } from '../cli/serving.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';
import { Managed, mint } from './managed.ts';
import { ask, type Issued, Site, STORES, until } from './site.ts';

interface Receipt {
  readonly propagation: Propagation;
}

/** The port of a gateway, which its name ends with. */
function portOf(serving: Serving): string {
  return new URL(serving.url).port;
}

function stop(serving: Serving, signal: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL' | 'SIGTERM'): void {
  serving.child.kill(signal);
}

/** The first answers of all gateways to a key, without another look: what it says must be so already. */
async function codes(gateways: readonly Serving[], secret: string): Promise<(string | number)[]> {
  const answers = await Promise.all(gateways.map(({ url }) => ask(`${url}/x`, secret)));
  return answers.map(({ code, status }) => code ?? status);
}

async function site(t: Test, open: (t: Test) => Promise<{ store?: string }>, gateways: number) {
  const upstream = await startRawUpstream(t);
  const site = new Site(t, { upstream: upstream.url, ...(await open(t)) });
  return { site, running: await Promise.all(Array.from({ length: gateways }, () => site.serve())) };
}

for (const { name, open } of STORES) {
  t.test(`${name}: every gateway confirms a change before it is answered`, async (t) => {
    const { site: here, running } = await site(t, open, 3);
    /** A key that every gateway has in memory. */
    const used = async (): Promise<Issued> => {
      const key = await here.create();
      t.strictSame(await codes(running, key.secret), [200, 200, 200]);
      return key;
    };

    await t.test('from the command line on the store', async (t) => {
      const [revoked, disabled, deleted] = [await used(), await used(), await used()];
      const { code, stdout } = await here.keys('revoke', revoked.id);
      t.equal(code, 0);
      t.match(stdout, /^key_\w+ is revoked; all 3 gateways have confirmed it \(\d+ ms\)\.\n$/);
      t.strictSame(await codes(running, revoked.secret), Array(3).fill('key_revoked'), 'which is so');
      t.match((await here.keys('disable', disabled.id)).stdout, /is disabled; all 3 gateways have confirmed it/);
      t.strictSame(await codes(running, disabled.secret), Array(3).fill('key_disabled'));
      t.match((await here.keys('delete', deleted.id, '--yes')).stdout, /is deleted; all 3 gateways have confirmed it/);
      t.strictSame(await codes(running, deleted.secret), Array(3).fill('key_not_found'));
    });

    await t.test('rotated: at once without grace, and with grace both secrets work everywhere', async (t) => {
      const [ended, graced] = [await used(), await used()];
      type Rotated = Receipt & { new_secret: string };
      const one = await here.json<Rotated>('rotate', ended.id, '--grace', '0');
      t.match(one.propagation, { acknowledged: 3, gateways: 3, missing: [] });
      t.strictSame(await codes(running, ended.secret), Array(3).fill('key_not_found'));
      t.strictSame(await codes(running, one.new_secret), [200, 200, 200]);
      const two = await here.json<Rotated>('rotate', graced.id, '--grace', '1h');
      t.match(two.propagation, { acknowledged: 3, gateways: 3, missing: [] });
      t.strictSame(await codes(running, graced.secret), [200, 200, 200]);
      t.strictSame(await codes(running, two.new_secret), [200, 200, 200]);
    });

    await t.test('over the API of one of them', async (t) => {
      const [first] = running;
      if (first === undefined) throw new Error('no gateway runs');
      const api = await Managed.of(here, first);
      const all = { propagation: { acknowledged: 3, gateways: 3, missing: [] } };
      const [updated, revoked, deleted] = [await used(), await used(), await used()];
      const body = { expires_at: new Date(Date.now() + 86_400_000).toISOString(), ip_restrictions: ['192.0.2.1'] };
      t.match(await api.call('PATCH', `/api-keys/${updated.id}`, { body }), { body: all });
      t.strictSame(await codes(running, updated.secret), Array(3).fill('ip_blocked'));
      t.match(await api.call('POST', `/api-keys/${revoked.id}/revoke`), { body: all });
      t.strictSame(await codes(running, revoked.secret), Array(3).fill('key_revoked'));
      t.match(await api.call('DELETE', `/api-keys/${deleted.id}`), { status: 200, body: { deleted: true, ...all } });
      t.strictSame(await codes(running, deleted.secret), Array(3).fill('key_not_found'));
      const many = [await used(), await used(), await used()];
      const bulk = { action: 'revoke', filter: { ids: many.map(({ id }) => id) } };
      t.match(await api.call('POST', '/api-keys/bulk', { body: bulk }), { body: { changed: 3, ...all } });
      for (const { secret } of many) t.strictSame(await codes(running, secret), Array(3).fill('key_revoked'));
      const { id, secret } = await used();
      const token = { LATCHKEY_TOKEN: await mint(here, 'root', 'admin:write') };
      const { stdout } = await cli(['keys', 'revoke', id, '--server', first.managementUrl], token);
      t.match(stdout, /is revoked; all 3 gateways have confirmed it \(\d+ ms\)\.\n$/);
      t.strictSame(await codes(running, secret), Array(3).fill('key_revoked'));
    });

    await t.test('one that is stopped is named, and confirms when it goes on', async (t) => {
      const [first, second, third] = running;
      if (first === undefined || second === undefined || third === undefined) throw new Error('too few run');
      const [json, text, later] = [await used(), await used(), await used()];
      stop(third, 'SIGSTOP');
      const { propagation } = await here.json<Receipt>('revoke', json.id);
      t.match(propagation, { acknowledged: 2, gateways: 3 });
      t.ok(propagation.took_ms >= 990 && propagation.took_ms < 5_000, `after a second, not ${propagation.took_ms} ms`);
      t.equal(propagation.missing.length, 1);
      t.match(propagation.missing[0]?.gateway, new RegExp(`:${portOf(third)}/\\d+$`));
      t.strictSame(await codes([first, second], json.secret), Array(2).fill('key_revoked'), 'the others have');
      const said = await here.keys('revoke', text.id);
      t.equal(said.code, 0, 'the key is revoked all the same');
      t.match(said.stdout, `2 of 3 gateways have confirmed; not yet: `);
      t.match(said.stdout, new RegExp(`:${portOf(third)}/\\d+ \\(last heard \\d+ m?s ago\\)\\.\n$`));

      stop(third, 'SIGCONT');
      t.strictSame(await codes([third], json.secret), ['key_revoked'], 'it trusts its memory no more when it goes on');
      await until(async () => (await here.json<Receipt>('revoke', text.id)).propagation.acknowledged === 3);
      t.match(await here.json<Receipt>('revoke', later.id), { propagation: { acknowledged: 3, gateways: 3 } });
    });

    await t.test('one that ends in good order is waited for no more, one that is killed for a while', async (t) => {
      const [first, second, third] = running;
      if (first === undefined || second === undefined || third === undefined) throw new Error('too few run');
      const { id } = await used();
      const receipt = async (): Promise<Propagation> => (await here.json<Receipt>('revoke', id)).propagation;
      stop(third, 'SIGTERM');
      t.equal(await third.ended, 0);
      t.match(await receipt(), { acknowledged: 2, gateways: 2, missing: [] });
      stop(second, 'SIGKILL');
      await second.ended;
      // To have confirmed what was before its death is all that could be wanted of it.
      t.match(await receipt(), { acknowledged: 2, gateways: 2, missing: [] });
      await here.create();
      t.match(await receipt(), { acknowledged: 1, gateways: 2, missing: [{}] });
      // That takes five seconds on any store; the conformance suite holds each of them to it.
      if (name === 'SQLite') await until(async () => (await receipt()).gateways === 1);
      stop(first, 'SIGTERM');
      t.equal(await first.ended, 0);
      if (name === 'SQLite')
        t.equal((await here.keys('revoke', id)).stdout, `${id} is revoked; no gateway is running.\n`);
    });
  });
}
