import type { Test } from 'tap';
import type { LogBatch, LoggedRequest, LogPage, LogQuery, RequestLog } from '../../src/core/request-log.ts';
import { type Harness, newId, storeError } from './harness.ts';

const DAY_MS = 86_400_000;
/** Stores may go by their own clock when they forget, so the entries of these tests are from just now. */
const NOW = Date.now();

/** A request with a key. */
export function entry(keyId: string, change: Partial<LoggedRequest> = {}): LoggedRequest {
  return {
    keyId,
    requestId: 'req-1',
    at: NOW,
    address: '203.0.113.9',
    userAgent: 'curl/8 "x" \u00e9',
    method: 'GET',
    path: '/api/domains/7',
    route: 'GET /api/domains/:id',
    status: 200,
    code: null,
    wouldDeny: [],
    durationUs: 1_234,
    ...change,
  };
}

export function batch(keyId: string, entries: readonly LoggedRequest[], change: Partial<LogBatch> = {}): LogBatch {
  return { keyId, entries, retentionMs: 30 * DAY_MS, maxEntries: 10_000, ...change };
}

/** Entries a millisecond apart, the first at NOW - count. */
function series(keyId: string, count: number): LoggedRequest[] {
  return Array.from({ length: count }, (_, i) => entry(keyId, { requestId: `r${i}`, at: NOW - count + i, status: i }));
}

async function pages(log: RequestLog, query: LogQuery): Promise<LogPage[]> {
  const found: LogPage[] = [];
  for (let after: string | null = null; ; ) {
    const page: LogPage = await log.read(after === null ? query : { ...query, after });
    found.push(page);
    if (!page.more) return found;
    after = page.last;
  }
}

function ids(found: readonly LogPage[]): string[] {
  return found.flatMap((page) => page.entries.map(({ requestId }) => requestId));
}

export async function checkRequestLog(t: Test, harness: Harness): Promise<void> {
  const { requests } = await harness.open();
  const other = await harness.open();
  await t.test('reading', (t) => checkReading(t, requests, other.requests));
  await t.test('bounds', (t) => checkBounds(t, requests, other.requests));
}

async function checkReading(t: Test, log: RequestLog, other: RequestLog): Promise<void> {
  await t.test('an entry comes back as it was, to whoever asks for its key', async (t) => {
    const id = newId();
    const full = entry(id, { requestId: 'full' });
    const bare = entry(id, {
      requestId: 'bare',
      at: NOW + 1,
      userAgent: null,
      route: null,
      status: 0,
      code: 'key_expired',
      wouldDeny: ['ip_blocked', 'rate_limited'],
    });
    await log.append([batch(id, [full, bare]), batch(newId(), [])]);
    const page = await other.read({ keyId: id, limit: 10, order: 'oldest' });
    t.strictSame(
      page.entries,
      [full, bare].map((one, i) => ({ ...one, position: page.entries[i]?.position })),
    );
    t.notOk(page.more);
    t.strictSame(await log.read({ keyId: newId(), limit: 10, order: 'newest' }), {
      entries: [],
      last: null,
      more: false,
    });
  });

  await t.test('pages go on where the last one ended, both ways, also among entries of one millisecond', async (t) => {
    const id = newId();
    const entries = series(id, 20).map((each, i) => ({ ...each, at: NOW + Math.floor(i / 7) }));
    await log.append([batch(id, entries.slice(0, 10))]);
    await log.append([batch(id, entries.slice(10))]);
    const names = entries.map(({ requestId }) => requestId);
    for (const limit of [1, 3, 5, 20, 1_000]) {
      t.strictSame(ids(await pages(log, { keyId: id, limit, order: 'oldest' })), names);
      t.strictSame(ids(await pages(other, { keyId: id, limit, order: 'newest' })), names.toReversed());
    }
  });

  await t.test('entries come in any order of their times, and are read in that of their times', async (t) => {
    const id = newId();
    const [a, b, c] = series(id, 3) as [LoggedRequest, LoggedRequest, LoggedRequest];
    await log.append([batch(id, [c])]);
    await other.append([batch(id, [a])]);
    await log.append([batch(id, [b])]);
    t.strictSame(ids(await pages(log, { keyId: id, limit: 2, order: 'oldest' })), ['r0', 'r1', 'r2']);
  });

  await t.test('a reader that keeps the last position sees what was added since', async (t) => {
    const id = newId();
    await log.append([batch(id, series(id, 3))]);
    const first = await other.read({ keyId: id, limit: 10, order: 'oldest' });
    const query: LogQuery = { keyId: id, limit: 10, order: 'oldest', after: first.last ?? '' };
    t.strictSame(await other.read(query), { entries: [], last: null, more: false });
    await log.append([batch(id, [entry(id, { requestId: 'new' })])]);
    t.strictSame(ids([await other.read(query)]), ['new']);
  });

  await t.test('a reader goes on after any entry of a page, both ways', async (t) => {
    const id = newId();
    const entries = series(id, 6).map((each, i) => ({ ...each, at: NOW + Math.floor(i / 4) }));
    await log.append([batch(id, entries)]);
    for (const order of ['oldest', 'newest'] as const) {
      const names = entries.map(({ requestId }) => requestId);
      if (order === 'newest') names.reverse();
      const page = await log.read({ keyId: id, limit: 6, order });
      t.equal(page.last, page.entries.at(-1)?.position);
      for (const [i, { position }] of page.entries.entries()) {
        const rest = await other.read({ keyId: id, limit: 6, order, after: position });
        t.strictSame(ids([rest]), names.slice(i + 1), `${order} first, after ${i + 1}`);
      }
    }
  });

  await t.test('a range of times has both its ends', async (t) => {
    const id = newId();
    await log.append([batch(id, series(id, 10))]);
    const range = { from: NOW - 7, to: NOW - 4 };
    const expected = ['r3', 'r4', 'r5', 'r6'];
    t.strictSame(ids(await pages(log, { keyId: id, limit: 3, order: 'oldest', ...range })), expected);
    t.strictSame(ids(await pages(log, { keyId: id, limit: 3, order: 'newest', ...range })), expected.toReversed());
    t.strictSame(ids(await pages(log, { keyId: id, limit: 3, order: 'newest', from: NOW + 5 })), []);
    t.strictSame(ids(await pages(log, { keyId: id, limit: 3, order: 'oldest', to: NOW - 11 })), []);
  });

  await t.test('a condition finds all, and looks at a bounded number for each page', async (t) => {
    const id = newId();
    await log.append([batch(id, series(id, 2_500))]);
    let looked = 0;
    const where = ({ status }: LoggedRequest): boolean => {
      looked++;
      return status % 1_200 === 0;
    };
    const first = await log.read({ keyId: id, limit: 2, order: 'oldest', where });
    t.strictSame(ids([first]), ['r0', 'r1200']);
    looked = 0;
    const second = await log.read({ keyId: id, limit: 1, order: 'newest', where: () => (looked++, false) });
    t.equal(looked, 2_000);
    t.strictSame([second.entries, second.more], [[], true]);
    const all = await pages(log, { keyId: id, limit: 2, order: 'newest', where });
    t.strictSame(ids(all), ['r2400', 'r1200', 'r0']);
  });

  await t.test('positions and sizes that are none are refused', async (t) => {
    const query: LogQuery = { keyId: newId(), limit: 1, order: 'oldest' };
    for (const limit of [0, 1_001, 1.5, Number.NaN]) {
      await t.rejects(log.read({ ...query, limit }), storeError('STORE_BAD_QUERY'));
    }
    for (const after of ['', 'x', 'MDAw', Buffer.from('0000000000000001:').toString('base64url')]) {
      await t.rejects(log.read({ ...query, after }), storeError('STORE_BAD_QUERY'));
    }
  });
}

async function checkBounds(t: Test, log: RequestLog, other: RequestLog): Promise<void> {
  const count = async (id: string): Promise<number> =>
    ids(await pages(log, { keyId: id, limit: 1_000, order: 'oldest' })).length;

  await t.test('the newest are kept, and few more than there may be', async (t) => {
    const id = newId();
    const entries = series(id, 500);
    for (let start = 0; start < entries.length; start += 10) {
      await log.append([batch(id, entries.slice(start, start + 10), { maxEntries: 100 })]);
    }
    const kept = ids(await pages(log, { keyId: id, limit: 1_000, order: 'newest' }));
    t.ok(kept.length >= 100 && kept.length <= 120, `${kept.length} are kept`);
    t.strictSame(
      kept,
      entries
        .map(({ requestId }) => requestId)
        .toReversed()
        .slice(0, kept.length),
    );
  });

  await t.test('what is past its retention is forgotten, and nothing else', async (t) => {
    const [short, long, mixed] = [newId(), newId(), newId()];
    await log.append([
      batch(short, series(short, 150), { retentionMs: DAY_MS }),
      batch(long, series(long, 150)),
      batch(mixed, [entry(mixed, { requestId: 'old', at: NOW - 3_600_000 }), entry(mixed)], { retentionMs: DAY_MS }),
    ]);
    const soon = NOW + DAY_MS - 1_800_000;
    let removed = 0;
    for (let n = -1; n !== 0; removed += n) n = await other.prune(soon);
    t.equal(removed, 1, 'of all logs, one entry has expired by then');
    t.strictSame(ids(await pages(log, { keyId: mixed, limit: 5, order: 'oldest' })), ['req-1']);
    for (let n = -1; n !== 0; ) {
      n = await log.prune(NOW + DAY_MS);
      t.ok(n <= 10_000);
    }
    t.strictSame([await count(short), await count(long), await count(mixed)], [0, 150, 0]);
    await log.append([batch(short, [entry(short)], { retentionMs: DAY_MS })]);
    t.equal(await count(short), 1, 'and the log goes on');
  });

  await t.test('processes that add at the same time lose nothing', async (t) => {
    const id = newId();
    const add = async (to: RequestLog, name: string): Promise<void> => {
      for (let i = 0; i < 20; i++) {
        const entries = Array.from({ length: 15 }, (_, n) => entry(id, { requestId: `${name}-${i}-${n}` }));
        await to.append([batch(id, entries)]);
      }
    };
    await Promise.all([add(log, 'a'), add(other, 'b'), add(log, 'c')]);
    const found = ids(await pages(log, { keyId: id, limit: 100, order: 'newest' }));
    t.equal(found.length, 900);
    t.equal(new Set(found).size, 900);
  });
}
