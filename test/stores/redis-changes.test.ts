import { setImmediate as nextTurn } from 'node:timers/promises';
import t from 'tap';
import type { AuditEvent } from '../../src/core/audit.ts';
import { AUDIT_HEAD, recordName } from '../../src/stores/redis/layout.ts';
import { newRole, verify } from '../conformance/audit.ts';
import { newClaim } from '../conformance/claims.ts';
import { newEvent, newRecord, storeError } from '../conformance/harness.ts';
import { isUp, openOther, setUp, until, wireTo } from './redis-fixture.ts';

t.test('a create that got no answer is undone, and the audit log says both', async (t) => {
  const { server, store } = await setUp(t, 150);
  const patient = await openOther(t, server);
  // So that the server knows the script, and runs it as soon as it can.
  await patient.keys.create(newRecord(), { event: newEvent() });
  const record = newRecord();
  const event = newEvent({ target: record.id });
  await store.audit.append(newEvent());
  server.suspend();
  await t.rejects(store.keys.create(record, { event }), storeError('STORE_UNAVAILABLE'));
  server.resume();
  await until(() => isUp(store));
  await until(async () => (await patient.keys.get(record.id)) === null);
  t.equal(await patient.keys.findByDigest(record.secret.digest), null);
  const { entries, fault } = await verify(patient);
  t.equal(fault, null);
  const [created, deleted] = entries.slice(-2).map(({ json }) => JSON.parse(json) as AuditEvent);
  t.strictSame(created, event);
  t.match(deleted, { action: 'key.delete', actor: event.actor, target: record.id, before: event.after, after: null });
  t.ok((deleted?.at ?? 0) > event.at, 'that was later');
  await t.resolves(patient.keys.create(record, { event }), 'and nothing is in the way');
  await t.resolves(store.audit.append(newEvent()));
});

t.test('it is undone as well when another gateway wrote to the audit log in between', async (t) => {
  const { server, store: other } = await setUp(t);
  const wire = await wireTo(t, server);
  const store = await openOther(t, wire, 500);
  await store.keys.create(newRecord(), { event: newEvent() });
  const [record, event, between] = [newRecord(), newEvent(), newEvent()];
  wire.hold('evalsha', 'what follows');
  await t.rejects(store.keys.create(record, { event }), storeError('STORE_UNAVAILABLE'));
  await until(async () => (await other.keys.get(record.id)) !== null);
  await other.audit.append(between);
  wire.release();
  await until(async () => (await other.keys.get(record.id)) === null);
  const { entries, fault } = await verify(other);
  t.equal(fault, null);
  const told = entries.slice(-3).map(({ json }) => JSON.parse(json) as AuditEvent);
  t.match(told, [event, between, { action: 'key.delete', target: event.target }]);
});

t.test('a create with a claim that got no answer stays: asking again finds the answer', async (t) => {
  const { server, store } = await setUp(t, 150);
  const patient = await openOther(t, server);
  await patient.keys.create(newRecord(), { event: newEvent(), claim: newClaim() });
  const [record, claim] = [newRecord(), newClaim()];
  await store.audit.append(newEvent());
  server.suspend();
  await t.rejects(store.keys.create(record, { event: newEvent(), claim }), storeError('STORE_UNAVAILABLE'));
  server.resume();
  await until(async () => (await patient.keys.findClaim(claim.id, 0)) !== null);
  await until(() => isUp(store));
  await store.audit.append(newEvent());
  t.strictSame(await patient.keys.get(record.id), record, 'what the claim says was made is there');
  t.equal((await verify(patient)).fault, null);
});

t.test('while the server does not answer, changes that wait are bounded, and are not made later', async (t) => {
  const { server, store } = await setUp(t, 150);
  await store.audit.append(newEvent());
  server.suspend();
  const failures: unknown[] = [];
  const work = Array.from({ length: 1_100 }, () => store.audit.append(newEvent()));
  for (const append of work) append.catch((error: unknown) => failures.push(error));
  await nextTurn();
  t.equal(failures.length, 100, 'what is too much is refused at once');
  await t.rejects(Promise.resolve(work[0]));
  await nextTurn();
  t.equal(failures.length, 1_100, 'they are given up on together, not one after the other');
  t.match(
    failures,
    failures.map(() => storeError('STORE_UNAVAILABLE')),
  );
  server.resume();
  await until(() => isUp(store));
  await store.audit.append(newEvent());
  t.ok((await store.audit.head()).seq <= 3, 'only the first had been sent');
  t.equal((await verify(store)).fault, null);
});

t.test('when the memory is full, what takes rights away is written with its event, and else nothing', async (t) => {
  const { store, raw } = await setUp(t);
  const { keys, roles } = store;
  const [revoked, deleted, role] = [newRecord(), newRecord(), newRole()];
  await keys.create(revoked);
  await keys.create(deleted);
  await roles.create(role);
  await raw.config('SET', 'maxmemory', '1');
  const head = await store.audit.head();
  const refused = newRecord();
  await t.rejects(keys.create(refused, { event: newEvent(), claim: newClaim() }), storeError('STORE_READ_ONLY'));
  await t.rejects(store.audit.append(newEvent()), storeError('STORE_READ_ONLY'));
  await t.rejects(roles.create(newRole(), { event: newEvent() }), storeError('STORE_READ_ONLY'));
  t.strictSame(await store.audit.head(), head);
  await keys.replace({ ...revoked, status: 'revoked', version: 2 }, { event: newEvent() });
  await keys.delete(deleted.id, 1, { event: newEvent() });
  await roles.replace({ ...role, permissions: [], version: 2 }, { event: newEvent() });
  await roles.delete(role.name, 2, { event: newEvent() });
  t.equal(await store.audit.prune(Number.MAX_SAFE_INTEGER, 2), 2, 'and what is past its time goes');
  await raw.config('SET', 'maxmemory', '0');
  t.match(await keys.get(revoked.id), { status: 'revoked' });
  t.equal(await keys.get(deleted.id), null);
  t.strictSame(await roles.list(), []);
  t.equal(await keys.get(refused.id), null);
  const { entries, fault } = await verify(store);
  t.equal(fault, null);
  t.equal(entries.length, 2);
});

t.test('a head that was set back: nothing is written over what is there', async (t) => {
  const { store, raw } = await setUp(t);
  await store.audit.append(newEvent());
  const before = await raw.get(AUDIT_HEAD);
  await store.audit.append(newEvent());
  await raw.set(AUDIT_HEAD, before ?? '');
  const record = newRecord();
  await t.rejects(store.keys.create(record, { event: newEvent() }), storeError('STORE_CORRUPT'));
  t.equal(await raw.exists(recordName(record.id)), 0);
  await raw.set(AUDIT_HEAD, 'something else');
  await t.rejects(store.audit.append(newEvent()), storeError('STORE_CORRUPT'));
  await t.rejects(store.audit.head(), storeError('STORE_CORRUPT'));
});
