import type { Test } from 'tap';
import { type AuditEntry, type AuditEvent, type AuditHead, entryFault, GENESIS } from '../../src/core/audit.ts';
import type { Store } from '../../src/core/ports.ts';
import type { Role } from '../../src/core/role.ts';
import { checkAuditReading } from './audit-reading.ts';
import { type Harness, newEvent, newId, newRecord, storeError } from './harness.ts';

/** A role of which no other test knows; whoever stores it removes it, as there may only be so many. */
export function newRole(change: Partial<Role> = {}): Role {
  const name = newId().toLowerCase();
  return { name, description: '', permissions: ['a:b'], createdAt: 1, updatedAt: 1, version: 1, ...change };
}

/** Walks the whole log. @returns its entries, and the first fault, or that its end is not where the head is */
export async function verify({ audit }: Store): Promise<{ entries: AuditEntry[]; fault: string | null }> {
  let last: AuditHead = await audit.anchor();
  const entries: AuditEntry[] = [];
  for (;;) {
    const found = await audit.walk(last.seq, 50);
    for (const entry of found) {
      const fault = entryFault(entry, last);
      if (fault !== null) return { entries, fault };
      entries.push(entry);
      last = entry;
    }
    if (found.length === 0) break;
  }
  const head = await audit.head();
  return { entries, fault: head.seq === last.seq && head.hash === last.hash ? null : 'the end is missing' };
}

function events(entries: readonly AuditEntry[]): AuditEvent[] {
  return entries.map(({ json }) => JSON.parse(json) as AuditEvent);
}

async function pruneAll({ audit }: Store): Promise<void> {
  while ((await audit.prune(Number.MAX_SAFE_INTEGER, 1_000)) > 0);
}

export async function checkAudit(t: Test, harness: Harness): Promise<void> {
  const store = await harness.open();
  const other = await harness.open();
  await pruneAll(store);
  await checkChain(t, store, other);
  await checkAlong(t, store, other);
  await checkAuditReading(t, store);
  await checkRetention(t, store, other);
  await checkTampering(t, store, harness);
}

async function checkChain(t: Test, store: Store, other: Store): Promise<void> {
  await t.test('an event becomes the next entry, and the head', async (t) => {
    const before = await store.audit.head();
    const [first, second] = [newEvent(), newEvent({ target: null, requestId: null, before: 'a \ud800 and \u2028' })];
    const one = await store.audit.append(first);
    const two = await other.audit.append(second);
    t.equal(entryFault(one, before), null);
    t.equal(entryFault(two, one), null);
    t.match(await store.audit.head(), { seq: two.seq, hash: two.hash });
    t.strictSame(await other.audit.walk(before.seq, 10), [one, two]);
    t.strictSame(events([one, two]), [first, second]);
  });

  await t.test('entries written at the same time by two instances have no gap and no fork', async (t) => {
    const { seq } = await store.audit.head();
    const written = Array.from({ length: 60 }, (_, i) => ({ event: newEvent(), instance: i % 4 < 2 ? store : other }));
    const role = newRole();
    const writes = written.map(({ event, instance }, i) => {
      if (i === 0) return instance.roles.create(role, { event });
      return i % 2 === 0 ? instance.audit.append(event) : instance.keys.create(newRecord(), { event });
    });
    await Promise.all(writes);
    await store.roles.delete(role.name, 1);
    const { entries, fault } = await verify(store);
    t.equal(fault, null);
    const targets = events(entries.filter((entry) => entry.seq > seq)).map(({ target }) => target);
    t.equal(targets.length, 60);
    t.strictSame(new Set(targets), new Set(written.map(({ event }) => event.target)), 'each once');
  });
}

/** What a change is, with the one that must fail after it. */
function changes({ keys, roles }: Store): Record<string, (event: AuditEvent) => Promise<void>> {
  const [key, role] = [newRecord(), newRole()];
  return {
    'create a key': (event) => keys.create(key, { event }),
    'replace a key': (event) => keys.replace({ ...key, name: 'x', version: 2 }, { event }),
    'delete a key': (event) => keys.delete(key.id, 2, { event }),
    'create a role': (event) => roles.create(role, { event }),
    'replace a role': (event) => roles.replace({ ...role, description: 'x', version: 2 }, { event }),
    'delete a role': (event) => roles.delete(role.name, 2, { event }),
  };
}

async function checkAlong(t: Test, store: Store, other: Store): Promise<void> {
  await t.test('an event that comes with a change is there with it, and not without it', async (t) => {
    for (const [name, change] of Object.entries(changes(store))) {
      const before = await other.audit.head();
      const event = newEvent();
      await change(event);
      t.strictSame(events(await other.audit.walk(before.seq, 10)), [event], name);
      const head = await other.audit.head();
      await t.rejects(change(newEvent()), storeError('STORE_CONFLICT'), `${name} again`);
      t.strictSame(await other.audit.head(), head, `${name} again`);
      t.strictSame(await other.audit.walk(head.seq, 10), []);
    }
    t.equal((await verify(store)).fault, null);
  });
}

async function checkRetention(t: Test, store: Store, other: Store): Promise<void> {
  const { audit } = store;

  await t.test('the oldest go, as long as they are from before, and the anchor says which was last', async (t) => {
    await pruneAll(store);
    const head = await audit.head();
    t.strictSame(await audit.anchor(), head, 'nothing is left');
    t.not(head, GENESIS);
    t.strictSame((await audit.read({ limit: 10 })).entries, []);
    const made: AuditEntry[] = [];
    for (const at of [10, 20, 30, 60, 25]) made.push(await audit.append(newEvent({ at })));
    t.equal(entryFault(made[0] as AuditEntry, head), null, 'the chain goes on from what was removed');

    t.equal(await audit.prune(10, 1_000), 0, 'from before that time only');
    t.strictSame(await audit.anchor(), head);
    t.equal(await audit.prune(50, 2), 2, 'no more than asked for');
    t.match(await other.audit.anchor(), { seq: made[1]?.seq, hash: made[1]?.hash });
    t.equal((await verify(other)).fault, null);
    t.equal(await audit.prune(50, 1_000), 1, 'one from after that time keeps what follows it');
    t.match(await other.audit.anchor(), { seq: made[2]?.seq, hash: made[2]?.hash });
    t.strictSame((await verify(other)).entries, made.slice(3));
    t.equal(await audit.prune(61, 1_000), 2);
    t.strictSame(await verify(other), { entries: [], fault: null });
  });

  await t.test('two that prune at the same time remove nothing twice', async (t) => {
    for (let at = 1; at <= 10; at++) await audit.append(newEvent({ at }));
    const removed = await Promise.all([audit.prune(6, 1_000), other.audit.prune(8, 1_000), other.audit.prune(4, 2)]);
    const { entries, fault } = await verify(store);
    t.equal(fault, null);
    t.equal(
      removed.reduce((sum, count) => sum + count),
      10 - entries.length,
    );
    t.ok(entries.length <= 5, `${entries.length} are left`);
  });
}

/** Last: it leaves a log that has been tampered with. */
async function checkTampering(t: Test, store: Store, harness: Harness): Promise<void> {
  const { audit } = store;
  await pruneAll(store);
  const made: AuditEntry[] = [];
  for (let at = 1; at <= 5; at++) made.push(await audit.append(newEvent({ at, actor: 'somebody' })));
  const [, second, third, , fifth] = made.map(({ seq }) => seq);

  await t.test('an entry that was changed shows', async (t) => {
    const original = made[1]?.json ?? '';
    await harness.tamperAudit(second ?? 0, original.replace('somebody', 'nobody'));
    t.equal((await verify(store)).fault, `entry ${second} was changed`);
    await harness.tamperAudit(second ?? 0, original);
    t.equal((await verify(store)).fault, null);
  });

  await t.test('an entry that was taken out shows', async (t) => {
    await harness.dropAudit(third ?? 0);
    t.equal((await verify(store)).fault, `entry ${third} is missing`);
    t.match(await audit.read({ limit: 2, after: (await audit.read({ limit: 1 })).next ?? '' }), {
      entries: [{ seq: (third ?? 0) + 1 }, { seq: second }],
    });
  });

  await t.test('an end that was cut off shows', async (t) => {
    await audit.prune(5, 1_000);
    t.equal((await verify(store)).fault, null, 'what was missing is past its time');
    await harness.dropAudit(fifth ?? 0);
    t.equal((await verify(store)).fault, 'the end is missing');
    await audit.append(newEvent());
    t.equal((await verify(store)).fault, `entry ${fifth} is missing`, 'for good');
  });
}
