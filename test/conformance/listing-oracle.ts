import type { Test } from 'tap';
import type { KeyRecord, KeyStatus } from '../../src/core/key.ts';
import type { KeyPage, KeyQuery } from '../../src/core/ports.ts';
import { randomFrom } from '../support/random.ts';
import { newRecord } from './harness.ts';

/** Names that sort differently by letter case, by their lengths, in UTF-16 and in bytes. */
const NAMES = [
  'a',
  'A',
  'ab',
  'a b',
  'B',
  'Zoë',
  'zoe',
  'Élan',
  'éclair',
  '日本',
  '🚀 rocket',
  '\uff5e wide',
  'b'.repeat(200),
];
const STATUSES: readonly KeyStatus[] = ['active', 'active', 'active', 'disabled', 'revoked'];

/** Keys that have nearly every value in common with some other one; the same for the same seed. */
export function someKeys(count: number, seed: number): KeyRecord[] {
  const below = randomFrom(seed);
  const pick = <T>(values: readonly T[]): T => values[below(values.length)] as T;
  return Array.from({ length: count }, () =>
    newRecord({
      name: below(3) === 0 ? `key ${below(count)}` : pick(NAMES),
      type: pick(['personal', 'personal', 'service']),
      owner: `user_${below(12)}`,
      status: pick(STATUSES),
      createdAt: 1_700_000_000_000 + below(40),
      expiresAt: below(3) === 0 ? null : 1_800_000_000_000 + below(60),
    }),
  );
}

/** The ids of a listing, as src/core/ports.ts describes it: everything sorted, and what does not match left out. */
export function expectedIds(records: readonly KeyRecord[], query: Partial<KeyQuery>): string[] {
  const { sort = '-created_at', type, owner, status, expiresBefore, aliveAt, where } = query;
  const matching = records.filter(
    (record) =>
      (type === undefined || record.type === type) &&
      (owner === undefined || record.owner === owner) &&
      (status === undefined || record.status === status) &&
      (expiresBefore === undefined || (record.expiresAt !== null && record.expiresAt < expiresBefore)) &&
      (aliveAt === undefined || record.expiresAt === null || record.expiresAt > aliveAt) &&
      (where === undefined || where(record)),
  );
  const by: Record<string, (a: KeyRecord, b: KeyRecord) => number> = {
    // Of the two, it is newest first that has its ties in the order of ids.
    created_at: (a, b) => a.createdAt - b.createdAt || -bytes(a.id, b.id),
    name: (a, b) => bytes(a.name.toLowerCase(), b.name.toLowerCase()) || bytes(a.id, b.id),
    expires_at: (a, b) => end(a) - end(b) || bytes(a.id, b.id),
  };
  const sorted = matching.toSorted(by[sort.replace('-', '')]);
  return (sort.startsWith('-') ? sorted.toReversed() : sorted).map((record) => record.id);
}

type List = (query: KeyQuery) => Promise<KeyPage>;

/** Walks a whole listing by `next`, and again by `offset`, and compares both and the totals with what was expected. */
export async function checkWalks(t: Test, list: List, query: KeyQuery, expected: readonly string[]): Promise<void> {
  const name = JSON.stringify(query);
  const found: string[] = [];
  let after: string | null = null;
  do {
    const page: KeyPage = await list(after === null ? query : { ...query, after });
    if (page.keys.length > query.limit) t.fail(`${name}: ${page.keys.length} on a page`);
    if (page.total !== null && page.total !== expected.length) t.fail(`${name}: a total of ${page.total}`);
    found.push(...page.keys.map((key) => key.id));
    after = page.next;
  } while (after !== null);
  t.strictSame(found, expected, name);
  for (let offset = 0; offset <= expected.length; offset += query.limit) {
    const page = await pageAt(list, query, offset);
    const wanted = expected.slice(offset, offset + query.limit);
    if (page.join() !== wanted.join()) t.strictSame(page, wanted, `${name} from ${offset}`);
  }
}

/** The page at an offset; where it was short of looking, what the pages after it have. */
async function pageAt(list: List, query: KeyQuery, offset: number): Promise<string[]> {
  let page = await list({ ...query, offset });
  const found = page.keys.map((key) => key.id);
  while (page.next !== null && found.length < query.limit) {
    page = await list({ ...query, after: page.next });
    found.push(...page.keys.map((key) => key.id));
  }
  return found.slice(0, query.limit);
}

function end(record: KeyRecord): number {
  return record.expiresAt ?? Number.MAX_SAFE_INTEGER;
}

function bytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
