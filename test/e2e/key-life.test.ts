import t, { type Test } from 'tap';
import { latchkey } from '../cli/run.ts';
import type { Serving } from '../cli/serving.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';
import { type Answer, ask, type Issued, Site, STORES, until } from './site.ts';

const ACCESS = 'access: { permissions: { things:read: [GET /things/*], things:write: [POST /things/*] } }\n';
/** Within this time of its acknowledgement, every gateway knows of a change. */
const KNOWN_WITHIN_MS = 1000;

/**
 * Sends requests until the answer is another one. A request that is sent a second after the change was acknowledged, or
 * later, must not have the old answer any more.
 *
 * @param changed performance.now() when the change was acknowledged
 */
async function changesTo(
  t: Test,
  expected: Partial<Answer>,
  changed: number,
  send: () => Promise<Answer>,
): Promise<void> {
  let latest = 0;
  await until(async () => {
    const sent = performance.now() - changed;
    const answer = await send();
    const isNew = answer.status === expected.status && answer.code === expected.code;
    if (!isNew) latest = sent;
    return isNew;
  });
  t.ok(latest < KNOWN_WITHIN_MS, `${expected.code ?? expected.status}: the last old answer was to one of ${latest} ms`);
}

const PASSED = { status: 200, code: undefined };
const REVOKED = { status: 401, code: 'key_revoked' };
const NOT_FOUND = { status: 401, code: 'key_not_found' };
const DISABLED = { status: 401, code: 'key_disabled' };

interface Running {
  readonly site: Site;
  readonly gateways: readonly Serving[];
}

/** Changes a key through the command line and waits until every gateway knows. */
async function change(t: Test, running: Running, secret: string, args: readonly string[], expected: Partial<Answer>) {
  const { code, stderr } = await running.site.keys(...args);
  const changed = performance.now();
  t.equal(code, 0, stderr);
  await Promise.all(
    running.gateways.map(({ url }) => changesTo(t, expected, changed, () => ask(`${url}/things/1`, secret))),
  );
}

/** What both gateways answer, which must be the same. */
async function answerOf(t: Test, { gateways }: Running, secret: string, init: RequestInit = {}): Promise<Answer> {
  const [first, ...others] = await Promise.all(gateways.map(({ url }) => ask(`${url}/things/1`, secret, init)));
  if (first === undefined) throw new Error('no gateway');
  for (const other of others) t.same([other.status, other.code], [first.status, first.code]);
  return first;
}

async function start(t: Test, store: { store?: string }): Promise<Running> {
  const upstream = await startRawUpstream(t);
  const site = new Site(t, { upstream: upstream.url, access: ACCESS, ...store });
  return { site, gateways: [await site.serve(), await site.serve()] };
}

for (const { name, open } of STORES) {
  t.test(`${name}: a key's life, while two gateways run`, async (t) => {
    const running = await start(t, await open(t));
    const { site } = running;
    const create = (...more: string[]): Promise<Issued> => site.create('--permission', 'things:read', ...more);

    await t.test('a new key works at once, and not only in the process that made it', async (t) => {
      const args = ['--name', 'robot', '--type', 'service', '--permission', 'things:read', '--config', site.file];
      const { code, stdout } = await latchkey(['keys', 'create', ...args], { cwd: site.cwd });
      t.equal(code, 0);
      t.match(await answerOf(t, running, stdout.trim()), PASSED);
    });

    await t.test('disabled and enabled', async (t) => {
      const { id, secret } = await create();
      t.match(await answerOf(t, running, secret), PASSED);
      await change(t, running, secret, ['disable', id], DISABLED);
      await change(t, running, secret, ['enable', id], PASSED);
    });

    await t.test('given a permission, and no longer', async (t) => {
      const { id, secret } = await create();
      const write = { method: 'POST' };
      const denied = await answerOf(t, running, secret, write);
      t.match(denied, { status: 403, code: 'permission_denied' });
      t.match(denied.headers.get('www-authenticate'), 'error="insufficient_scope", scope="things:write"');
      await change(t, running, secret, ['update', id, '--permission', 'things:write'], {
        status: 403,
        code: 'permission_denied',
      });
      t.match(await answerOf(t, running, secret, write), PASSED);
      await change(t, running, secret, ['update', id, '--permission', 'things:read'], PASSED);
      t.match(await answerOf(t, running, secret, write), { status: 403, code: 'permission_denied' });
    });

    await t.test('rotated: both secrets work, and the use of the old one is recorded', async (t) => {
      const { id, secret } = await create();
      t.match(await answerOf(t, running, secret), PASSED);
      const { new_secret: next } = await site.json<{ new_secret: string }>('rotate', id, '--grace', '1h');
      t.match(await answerOf(t, running, next), PASSED);
      await until(async () => (await site.show(id)).last_used !== null);
      t.equal((await site.show(id)).previous_secret?.last_used, null, 'nobody has used the old one since');
      const before = Date.now();
      t.match(await answerOf(t, running, secret), PASSED);
      await until(async () => (await site.show(id)).previous_secret?.last_used !== null);
      const used = Date.parse((await site.show(id)).previous_secret?.last_used ?? '');
      t.ok(used >= before && used <= Date.now(), 'with the time of that request');
      t.ok(Date.now() - before < 10_000, 'soon');

      await t.test('rotated again: the first secret is dead, and its uses are not those of the second', async (t) => {
        const { new_secret: last } = await site.json<{ new_secret: string }>('rotate', id, '--grace', '1h');
        t.equal((await site.show(id)).previous_secret?.last_used, null, 'nobody has used the second one since');
        await change(t, running, secret, ['show', id], NOT_FOUND);
        t.match(await answerOf(t, running, next), PASSED);
        t.match(await answerOf(t, running, last), PASSED);
      });
    });

    await t.test('rotated without grace: the old secret is dead within a second', async (t) => {
      const { id, secret } = await create();
      t.match(await answerOf(t, running, secret), PASSED);
      const { new_secret: next } = await site.json<{ new_secret: string }>('rotate', id, '--grace', '0');
      await change(t, running, secret, ['show', id], NOT_FOUND);
      t.match(await answerOf(t, running, next), PASSED);
      t.equal((await site.show(id)).previous_secret, null);
    });

    await t.test('revoked: dead within a second, for good', async (t) => {
      const { id, secret } = await create();
      t.match(await answerOf(t, running, secret), PASSED);
      await change(t, running, secret, ['revoke', id], REVOKED);
      t.match(await site.keys('enable', id), { code: 1, stderr: /^latchkey: key \w+ is revoked, which is for good/ });
      t.match(await answerOf(t, running, secret), REVOKED);
    });

    await t.test('it expires on time, cached or not', async (t) => {
      const { id, secret } = await create('--expires', '3s');
      const ends = Date.parse((await site.show(id)).expires_at ?? '');
      const seen: { sent: number; answered: number; status: number; code: string | undefined }[] = [];
      const watch = ({ url }: Serving): Promise<void> =>
        until(async () => {
          const sent = Date.now();
          const { status, code } = await ask(`${url}/things/1`, secret);
          seen.push({ sent, answered: Date.now(), status, code });
          return status !== 200;
        });
      await Promise.all(running.gateways.map(watch));
      t.equal(seen.filter(({ sent, status }) => sent >= ends && status === 200).length, 0, 'not after its end');
      t.equal(seen.filter(({ answered, status }) => answered < ends && status !== 200).length, 0, 'nor before it');
      const refused = seen.filter(({ status }) => status !== 200);
      t.strictSame(
        refused.map(({ status, code }) => `${status} ${code}`),
        ['401 key_expired', '401 key_expired'],
      );
      t.ok(seen.length > refused.length, 'it worked at first');
      t.equal((await site.show(id)).status, 'expired');
    });
  });
}
