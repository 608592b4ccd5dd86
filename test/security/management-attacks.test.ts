/** What somebody tries who has a token for the management API, and wants more than it gives. */

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import { NO_PLACES } from '../../src/core/places.ts';
import { Administration } from '../../src/management/administration.ts';
import { openSqliteStore } from '../../src/stores/sqlite/index.ts';
import { folder } from '../management/fixture.ts';
import { serveManagement } from '../management/gateway.ts';
import { ManualClock } from '../support/clock.ts';
import { load } from '../support/config.ts';
import { DAY } from '../support/keys.ts';
import { type AdminFixture, administer, callerOf, MANAGED } from '../support/management.ts';

const forbidden = { name: 'ManagementError', code: 'forbidden' };
const MIB = 1024 * 1024;
/** As many as a key may have. */
const ADDRESSES = Array.from({ length: 10_000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);

t.test('who disables a key first does not keep it from being disabled by somebody else', async (t) => {
  const { as, admin } = await administer(t);
  const ann = as('ann');
  const [one, many] = [await ann.createKey({ name: 'one' }), await ann.createKey({ name: 'many' })];
  await ann.disableKey(one.id);
  await ann.disableKey(many.id);
  await admin.disableKey(one.id);
  t.match(await admin.bulkChange({ action: 'disable', filter: { ids: [many.id] } }), { changed: 1, ids: [many.id] });
  for (const { id } of [one, many]) {
    await t.rejects(ann.enableKey(id), forbidden);
    await ann.disableKey(id);
    await t.rejects(ann.enableKey(id), forbidden, 'nor is it taken back by disabling it again');
    const { entries } = await admin.auditLogs({ target: id, action: 'key.disable' });
    t.strictSame(
      entries.map(({ actor }) => actor),
      ['root', 'ann'],
      'the audit log knows of both, and of no more',
    );
  }
  t.match(await admin.bulkChange({ action: 'disable', filter: { owner: 'ann' } }), { matched: 2, changed: 0 });
  t.match(await admin.enableKey(one.id), { status: 'active' });
});

t.test('a change that changes nothing is in no audit log, and is refused to whom the change would be', async (t) => {
  const { as, admin } = await administer(t);
  const { id, version } = await admin.createKey({ name: 'bob’s', owner: 'bob', permissions: ['domains:read'] });
  await admin.createRole({ name: 'on_call', permissions: ['incidents:read'] });
  const same = { name: 'bob’s', permissions: ['domains:read'], metadata: {}, ip_restrictions: [] };
  for (const body of [{}, same]) t.match(await admin.updateKey(id, body), { version });
  t.match(await admin.updateRole('on_call', { permissions: ['incidents:read'] }), { version: 1 });
  t.equal((await admin.auditLogs({})).entries.length, 2, 'that both were made');
  const reader = as('ann', 'admin:read');
  await t.rejects(reader.updateKey(id, same), forbidden);
  await t.rejects(reader.enableKey(id), forbidden);
  await admin.revokeKey(id);
  await t.rejects(reader.revokeKey(id), forbidden);
  t.match(await admin.revokeKey(id), { status: 'revoked' });
});

t.test('a key that was made with admin:write is not given out again without it', async (t) => {
  const { as } = await administer(t);
  const body = { name: 'a service', type: 'service', owner: 'bob', permissions: ['*'] };
  const options = { idempotencyKey: 'deploy-1' };
  const made = await as('ann', 'admin:write').createKey(body, options);
  t.match(await as('ann', 'admin:write').createKey(body, options), { id: made.id, secret: made.secret });
  await t.rejects(as('ann').createKey(body, options), forbidden);
});

/** Keys of `ann` so large that they are not loaded all at once, and one of `bob` among them. */
async function largeKeys(t: Test): Promise<AdminFixture & { readonly ids: string[]; readonly others: string }> {
  const fixture = await administer(t);
  const { as, admin, clock } = fixture;
  const ids: string[] = [];
  let others = '';
  for (let i = 0; i < 60; i++) {
    const name = `ann ${String(i).padStart(3, '0')}`;
    if (i === 30) others = (await admin.createKey({ name: `${name} bob`, owner: 'bob' })).id;
    ids.push((await as('ann').createKey({ name, ip_restrictions: ADDRESSES })).id);
    clock.advance(1_000);
  }
  return { ...fixture, ids, others };
}

t.test('many large keys', async (t) => {
  const { as, admin, ids, others } = await largeKeys(t);
  const ann = as('ann');

  await t.test('come in answers of a bounded size, each once', async (t) => {
    const found: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await ann.listKeys({ limit: 500, ...(cursor === undefined ? {} : { cursor }) });
      t.ok(JSON.stringify(page).length < 8 * MIB);
      found.push(...page.keys.map(({ id }) => id));
      cursor = page.pagination.next;
      if (cursor === null) continue;
      const where = Buffer.from(cursor, 'base64url').toString();
      t.notOk(where.includes(others), 'what says where a page ended names no key of somebody else');
    }
    t.strictSame(found, ids.toReversed());
  });

  await t.test('are not sorted by walking through those of others', async (t) => {
    for (const sort of ['name', '-name', 'expires_at', '-expires_at'] as const) {
      const refused = { code: 'request_invalid', errors: [{ parameter: 'sort' }] };
      await t.rejects(ann.listKeys({ sort, limit: 30 }), refused, sort);
      t.equal((await admin.listKeys({ sort, limit: 1 })).keys.length, 1, 'who sees all keys may walk through them');
    }
    t.equal((await ann.listKeys({ sort: 'created_at', limit: 1 })).keys.length, 1);
  });

  await t.test('keep nobody waiting while they are looked through', async (t) => {
    for (const look of [
      () => ann.listKeys({ q: 'nothing' }),
      () => admin.bulkChange({ action: 'revoke', filter: { q: 'nothing' } }),
    ]) {
      let turns = 0;
      const count = (): void => {
        turns++;
        timer = setImmediate(count);
      };
      let timer = setImmediate(count);
      await look();
      clearImmediate(timer);
      t.ok(turns >= 5, `${turns} turns of the event loop`);
    }
  });

  await t.test('leave an audit log whose answers are of a bounded size too', async (t) => {
    const page = await admin.auditLogs({ limit: 1_000 });
    t.ok(page.entries.length < 61);
    t.ok(JSON.stringify(page).length < 8 * MIB);
    t.type(page.pagination.next, 'string');
  });
});

t.test('a damaged role keeps nobody from revoking a key, and gives nobody another', async (t) => {
  const clock = new ManualClock();
  const path = join(folder(t), 'keys.db');
  const store = await openSqliteStore({ path, timeoutMs: 10_000, clock });
  t.teardown(() => store.close());
  const { config } = load(MANAGED);
  const administration = new Administration({
    store,
    clock,
    config,
    places: () => ({ places: NO_PLACES, gaps: [] }),
    claimSalt: Buffer.alloc(0),
  });
  const [ann, admin] = [['incidents:read'], ['admin:write']].map((may) => administration.as(callerOf('ann', may)));
  if (ann === undefined || admin === undefined) throw new Error('there are two');
  await admin.createRole({ name: 'readers', permissions: [] });
  await admin.createRole({ name: 'on_call', permissions: ['incidents:read'] });
  const { id } = await ann.createKey({ name: 'x', roles: ['on_call'] });
  const db = new DatabaseSync(path);
  db.exec(`UPDATE roles SET record = json_set(record, '$.newer', 1) WHERE name = 'on_call'`);
  db.close();
  t.match(await ann.updateKey(id, { name: 'y' }), { name: 'y', roles: ['on_call'] });
  for (const roles of [['readers'], ['on_call']]) {
    await t.rejects(admin.createKey({ name: 'x', roles }), { name: 'KeyError', code: 'KEY_INVALID' });
  }
  t.match(await admin.disableKey(id), { status: 'disabled' });
  t.match(await admin.revokeKey(id), { status: 'revoked' });
  await t.rejects(admin.listRoles(), { name: 'StoreError', code: 'STORE_CORRUPT' }, 'whoever asks is told');
});

t.test('a time before all times finds nothing', async (t) => {
  const { admin } = await administer(t);
  await admin.createKey({ name: 'x' });
  t.strictSame((await admin.listKeys({ expiring_before: '1960-01-01T00:00:00Z' })).keys, []);
  t.strictSame((await admin.listKeys({ expiring_before: new Date(3 * DAY).toISOString() })).keys, []);
});

t.test('what is wrong a thousand times is not told a thousand times, nor at length', async (t) => {
  const { url, token } = await serveManagement(t);
  const authorization = `Bearer ${await token([], 'ann')}`;
  const create = async (body: unknown): Promise<{ status: number; text: string; code: string }> => {
    const headers = { authorization, 'content-type': 'application/json' };
    const answer = await fetch(`${url}/api-keys`, { method: 'POST', headers, body: JSON.stringify(body) });
    const text = await answer.text();
    return { status: answer.status, text, code: (JSON.parse(text) as { code: string }).code };
  };
  const named = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, 1]));
  for (const body of [{ name: 'x', ...named(20_000) }, { metadata: named(20_000) }, Array(20_000).fill(0)]) {
    t.match(await create(body), { status: 400, code: 'body_malformed' }, 'more values than any key has');
  }
  const long = 'x'.repeat(300_000);
  for (const body of [
    { name: 'x', ...named(10_000) },
    { name: 'x', type: long },
    { name: 'x', tier: long, preset: long, roles: [long] },
    { name: 'x', ip_restrictions: Array(10_000).fill('300.0.0.1') },
    { name: 'x', time_restrictions: { timezone: long } },
  ]) {
    const { status, text } = await create(body);
    t.equal(status, 422);
    t.ok(text.length < 60_000, `${text.length} characters`);
  }
});
