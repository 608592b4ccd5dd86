import type { Test } from 'tap';
import type { AuditEntry, AuditLog, AuditPage, AuditQuery } from '../../src/core/audit.ts';
import type { Store } from '../../src/core/ports.ts';
import { newEvent, newId, storeError } from './harness.ts';

/** What all pages of a listing have. */
async function readAll(audit: AuditLog, query: AuditQuery): Promise<AuditEntry[]> {
  const found: AuditEntry[] = [];
  for (let after: string | null = null; ; ) {
    const page: AuditPage = await audit.read(after === null ? query : { ...query, after });
    if (page.entries.length > query.limit) throw new Error('There are more than were asked for');
    found.push(...page.entries);
    if (page.next === null) return found;
    after = page.next;
  }
}

export async function checkAuditReading(t: Test, store: Store): Promise<void> {
  const { audit } = store;
  const [me, them] = [newId(), newId()];
  const target = newId();
  const made: AuditEntry[] = [];
  for (let i = 0; i < 6; i++) {
    const [actor, action] = i < 3 ? [me, 'key.update' as const] : [them, 'key.revoke' as const];
    made.push(await audit.append(newEvent({ at: 1_700_000_000_010 + i, actor, action, target })));
  }
  const newestFirst = made.toReversed();

  await t.test('the log is read newest first, page after page', async (t) => {
    const first = await audit.read({ limit: 4 });
    t.strictSame(first.entries, newestFirst.slice(0, 4));
    const second = await audit.read({ limit: 2, after: first.next ?? '' });
    t.strictSame(second.entries, newestFirst.slice(4));
    for (const limit of [1, 2, 3, 6, 7]) {
      t.strictSame(await readAll(audit, { limit, target }), newestFirst, `${limit} a page`);
    }
  });

  await t.test('what is asked for by actor, action, target and time', async (t) => {
    const read = async (query: object): Promise<AuditEntry[]> => {
      const page = await audit.read({ limit: 100, target, ...query });
      t.equal(page.next, null);
      return [...page.entries];
    };
    t.strictSame(await read({}), newestFirst);
    t.strictSame(await read({ actor: me }), newestFirst.slice(3));
    t.strictSame(await read({ action: 'key.revoke' }), newestFirst.slice(0, 3));
    t.strictSame(await read({ actor: me, action: 'key.revoke' }), []);
    t.strictSame(await read({ from: 1_700_000_000_012 }), newestFirst.slice(0, 4), 'from that time on');
    t.strictSame(await read({ to: 1_700_000_000_012 }), newestFirst.slice(4), 'before that time');
    t.strictSame(await read({ from: 1_700_000_000_011, to: 1_700_000_000_013 }), newestFirst.slice(3, 5));
    t.strictSame(await read({ target: newId() }), []);
  });

  await t.test('a walk goes on from an entry, oldest first', async (t) => {
    const start = made[0]?.seq ?? 0;
    t.strictSame(await audit.walk(start - 1, 1), made.slice(0, 1));
    t.strictSame(await audit.walk(start, 3), made.slice(1, 4));
    t.strictSame(await audit.walk(start + 5, 3), []);
  });

  await t.test('a clock that steps back changes nothing in the order; times are what is filtered by', async (t) => {
    const back = newId();
    const stepped: AuditEntry[] = [];
    for (const at of [500, 100, 400, 400, 50, 300]) stepped.push(await audit.append(newEvent({ at, target: back })));
    const expected = stepped.toReversed();
    for (const limit of [1, 2, 10]) {
      t.strictSame(await readAll(audit, { limit, target: back }), expected, `${limit} a page`);
      t.strictSame((await readAll(audit, { limit })).slice(0, 6), expected, `${limit} a page, of all`);
      const [last, , fourth, third] = expected;
      t.strictSame(await readAll(audit, { limit, target: back, from: 300, to: 500 }), [last, fourth, third]);
    }
  });

  await t.test('a page token that no page gave, or a size out of range, is a bad query', async (t) => {
    for (const after of ['', 'x', '-1', '1.5', '1 2']) {
      await t.rejects(audit.read({ limit: 1, after }), storeError('STORE_BAD_QUERY'), JSON.stringify(after));
    }
    for (const limit of [0, -1, 1.5, 1001, Number.NaN]) {
      await t.rejects(audit.read({ limit }), storeError('STORE_BAD_QUERY'), String(limit));
      await t.rejects(audit.walk(0, limit), storeError('STORE_BAD_QUERY'), String(limit));
    }
    await t.resolves(audit.read({ limit: 1000 }));
  });
}
