import type { KeyRecord } from '../../core/key.ts';
import { compilePermissions } from '../../core/permission.ts';
import type { KeyQuery } from '../../core/ports.ts';
import type { KeyFault } from '../../keys/key-error.ts';
import { type KeyCatalogue, permissionFaults, typeFaults } from '../../keys/key-input.ts';
import { effectivePermissions } from '../../keys/loader.ts';
import { type Caller, mayRead } from '../caller.ts';
import { ManagementError } from '../failures.ts';
import { covers, SELF_SERVICE_TYPE } from '../reach.ts';
import type { KeyList, KeyListQuery } from '../schemas/key.ts';
import type { AdminContext } from './context.ts';
import { keyAnswers } from './key-answers.ts';

const DEFAULT_LIMIT = 50;
/** Pages of the store that one answer may take when few keys meet the conditions; each looks at a bounded number. */
const MAX_STORE_PAGES = 10;

export type KeyFilter = Omit<KeyListQuery, 'limit' | 'offset' | 'cursor' | 'sort'>;

/** One page of the keys that a caller may see. */
export async function listKeys(query: KeyListQuery, context: AdminContext): Promise<KeyList> {
  const { caller, clock, keys, store } = context;
  const { limit = DEFAULT_LIMIT, offset, cursor, sort } = query;
  if (offset !== undefined && cursor !== undefined) {
    const detail = 'goes with no offset: it says where the page begins already';
    throw new ManagementError('request_invalid', `cursor ${detail}`, [{ parameter: 'cursor', detail }]);
  }
  const catalogue = await keys.catalogue();
  const now = clock.now();
  const conditions = conditionsOf(query, caller, catalogue, now);
  const found: KeyRecord[] = [];
  const unreadable: string[] = [];
  let after = cursor;
  let total: number | null | undefined;
  for (let pages = 0; ; pages++) {
    const page = await store.keys.list({
      ...conditions,
      limit: limit - found.length,
      ...(sort === undefined ? {} : { sort }),
      ...(after === undefined ? {} : { after }),
      ...(offset === undefined || after !== undefined ? {} : { offset }),
    });
    found.push(...page.keys);
    unreadable.push(...page.unreadable);
    total ??= page.total;
    if (page.next !== null && page.total === null) mustBeOwnOrder(query, caller);
    after = page.next ?? undefined;
    if (after === undefined || found.length + unreadable.length >= limit || pages >= MAX_STORE_PAGES) break;
  }
  if (found.length === 0 && cursor === undefined) mustKnow(query, catalogue);
  return {
    keys: await keyAnswers(found, store, catalogue, now),
    // Whose they are cannot be said, so only who may see everything is told of them.
    unreadable: mayRead(caller) ? unreadable : [],
    pagination: { total: total ?? null, limit, offset: offset ?? 0, next: after ?? null },
  };
}

/**
 * More keys than can be sorted in memory are found by walking through those of everybody, and the end of such a page names
 * a key that may be somebody else's.
 */
function mustBeOwnOrder({ sort }: KeyListQuery, caller: Caller): void {
  if (mayRead(caller) || sort === undefined || sort.endsWith('created_at')) return;
  const detail = 'is for fewer keys than these; expected created_at or -created_at';
  throw new ManagementError('request_invalid', `sort ${detail}`, [{ parameter: 'sort', detail }]);
}

/**
 * A condition that nothing meets because of a name that nobody knows is a mistake. Names that keys still have are none, in
 * the configuration or not.
 *
 * @throws ManagementError `request_invalid`
 */
export function mustKnow({ type, permission }: KeyFilter, catalogue: KeyCatalogue): void {
  const faults = [
    ...(type === undefined ? [] : typeFaults(type, catalogue)),
    ...(permission === undefined ? [] : permissionFaults([permission], catalogue).map(asPermission)),
  ];
  if (faults.length === 0) return;
  const errors = faults.map(({ field, message }) => ({ parameter: field, detail: message }));
  throw new ManagementError(
    'request_invalid',
    `there is no such key: ${faults[0]?.field} ${faults[0]?.message}`,
    errors,
  );
}

function asPermission({ message }: KeyFault): KeyFault {
  return { field: 'permission', message };
}

/** What the store is asked for, without the size of the page. */
export type Conditions = Omit<KeyQuery, 'limit'>;

/** Whether a key is one of those that the store would give. */
export function meets(record: KeyRecord, conditions: Conditions): boolean {
  const { type, owner, status, expiresBefore, aliveAt, where } = conditions;
  const end = record.expiresAt ?? Number.POSITIVE_INFINITY;
  return (
    (type === undefined || record.type === type) &&
    (owner === undefined || record.owner === owner) &&
    (status === undefined || record.status === status) &&
    (expiresBefore === undefined || end < expiresBefore) &&
    (aliveAt === undefined || end > aliveAt) &&
    (where?.(record) ?? true)
  );
}

/** What the store is asked for, so that a caller is shown what it may see and what it asked for. */
export function conditionsOf(filter: KeyFilter, caller: Caller, catalogue: KeyCatalogue, now: number): Conditions {
  const own = mayRead(caller) ? {} : ownKeys(filter, caller);
  const { type, owner } = { ...filter, ...own };
  const where = furtherConditions(filter, catalogue);
  return {
    ...(type === undefined ? {} : { type }),
    ...(owner === undefined ? {} : { owner }),
    ...statusConditions(filter, now),
    ...(where === null ? {} : { where }),
  };
}

function ownKeys(filter: KeyFilter, caller: Caller): { owner: string; type: string } {
  const own = { owner: caller.subject, type: SELF_SERVICE_TYPE };
  for (const name of ['owner', 'type'] as const) {
    if (filter[name] === undefined || filter[name] === own[name]) continue;
    const detail = `this token sees the ${own.type} keys of "${own.owner}" only; others need admin:read`;
    throw new ManagementError('forbidden', detail, [{ parameter: name, detail }]);
  }
  return own;
}

/** A key that has ended is stored as active: its expiry says so. */
function statusConditions({ status, expiring_before: before }: KeyFilter, now: number): Partial<KeyQuery> {
  const expiring = before === undefined ? {} : { expiresBefore: Math.max(0, Date.parse(before)), aliveAt: now };
  if (status === undefined) return expiring;
  if (status === 'active') return { ...expiring, status, aliveAt: now };
  if (status !== 'expired') return { ...expiring, status };
  const ended = { status: 'active', expiresBefore: now + 1 } as const;
  // A key that has ended is not one that will: with both conditions there are none.
  return before === undefined ? ended : { ...ended, aliveAt: now };
}

function furtherConditions(
  { permission, q }: KeyFilter,
  catalogue: KeyCatalogue,
): ((record: KeyRecord) => boolean) | null {
  const text = q?.toLowerCase();
  if (permission === undefined && text === undefined) return null;
  return (record) =>
    (text === undefined || textOf(record).some((part) => part.toLowerCase().includes(text))) &&
    (permission === undefined || covers(compilePermissions(effectivePermissions(record, catalogue)), permission));
}

function textOf({ id, name, owner, description, secret }: KeyRecord): string[] {
  return [id, name, owner, description, secret.hint];
}
