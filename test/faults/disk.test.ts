import { join } from 'node:path';
import t from 'tap';
import type { KeyView } from '../../src/keys/view.ts';
import { ask, pause, Site, until } from '../e2e/site.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';
import { diskKinds } from './full-disk.ts';

/** More than fit into what a full disk still has room for. */
const REQUESTS = 200;

for (const kind of diskKinds(t)) {
  t.test(`a store on ${kind.name}`, async (t) => {
    const upstream = await startRawUpstream(t);
    const disk = kind.open(t);
    const site = new Site(t, { upstream: upstream.url, store: `sqlite:${join(disk.folder, 'keys.db')}` });
    const key = await site.create();
    const limited = await site.create('--burst', '20', '--per-hour', '20');
    const unused = await site.create();
    const keys = (): Promise<{ keys: KeyView[] }> => site.json('list');
    const serving = await disk.serve(site.file);
    t.equal((await ask(serving.url, key.secret)).status, 200);
    for (let i = 0; i < 5; i++) t.equal((await ask(serving.url, limited.secret)).status, 200);
    disk.fill();

    await t.test('the data plane goes on', async (t) => {
      const statuses = new Set<number>();
      for (let i = 0; i < REQUESTS; i++) statuses.add((await ask(serving.url, key.secret)).status);
      t.strictSame([...statuses], [200]);
      t.equal((await ask(serving.url, unused.secret)).status, 200, 'what can be read is read');
      if (disk.free !== null) await serving.until('the usage of keys cannot be written for now');
    });

    await t.test('limits are kept', async (t) => {
      // This process finds out anew that it has to count alone, does so, and then tries to write again.
      await pause(600);
      t.equal((await ask(serving.url, key.secret)).status, 200);
      let passed = 5;
      for (let i = 0; i < 60; i++) {
        if ((await ask(serving.url, limited.secret)).status === 200) passed++;
        if (i > 20) await pause(30);
      }
      t.equal(passed, 20);
    });

    await t.test('no key is made or changed, and one line says why', async (t) => {
      const before = (await keys()).keys.map(({ last_used: _lastUsed, ...rest }) => rest);
      for (const args of [
        ['create', '--name', 'b', '--type', 'service'],
        ['rotate', key.id, '--grace', '0'],
        ['revoke', key.id],
      ]) {
        const { code, stdout, stderr } = await disk.latchkey('keys', ...args, '--config', site.file);
        t.equal(code, 1, args.join(' '));
        t.equal(stdout, '', 'no secret that would not work');
        t.match(stderr, new RegExp(`^latchkey: The store ${disk.folder}/keys\\.db[^\\n]*${disk.says}[^\\n]*\\n$`));
      }
      t.strictSame(
        (await keys()).keys.map(({ last_used: _lastUsed, ...rest }) => rest),
        before,
        'nothing is half written',
      );
      t.equal((await ask(serving.url, key.secret)).status, 200);
    });

    if (disk.free !== null) {
      disk.free();
      await t.test('with room again, all is as it was', async (t) => {
        const made = await site.create();
        t.equal((await ask(serving.url, made.secret)).status, 200);
        t.equal((await site.keys('revoke', key.id)).code, 0);
        await until(async () => (await ask(serving.url, key.secret)).code === 'key_revoked');
        t.equal((await ask(serving.url, limited.secret)).status, 429, 'what was let in meanwhile counts');
        await serving.until('the usage of keys is written again');
      });
    }
    serving.child.kill('SIGTERM');
    t.equal(await serving.ended, 0, 'it ends in order');
  });
}
