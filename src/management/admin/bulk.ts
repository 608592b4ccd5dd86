import type { KeyRecord } from '../../core/key.ts';
import { StoreError } from '../../core/ports.ts';
import { KeyError } from '../../keys/key-error.ts';
import { isDisabledFor } from '../../keys/service.ts';
import { mustWrite } from '../reach.ts';
import type { BulkChange, BulkResult } from '../schemas/bulk.ts';
import type { AdminContext } from './context.ts';
import { type Conditions, conditionsOf, meets, mustKnow } from './listing.ts';
import { receipt } from './receipt.ts';

/** Keys that one call changes; what is left over is for the next. */
const MAX_CHANGED = 1_000;
/** Pages of the store that one call looks through. */
const MAX_STORE_PAGES = 500;
const PAGE = 500;
/** Changes under way at a time. */
const PARALLEL = 16;

type Failed = BulkResult['failed'][number];

/**
 * Revokes or disables every key that meets the conditions. Each change is durable, and in the audit log, on its own: a
 * call that is cut short is sent again.
 */
export async function bulkChange(body: BulkChange, context: AdminContext): Promise<BulkResult> {
  const { action, dry_run: isDryRun = false } = body;
  mustWrite(context.caller, 'to change many keys at once');
  const { matched, toChange, failed, next } = await matching(body, context);
  const ids: string[] = [];
  for (let start = 0; start < toChange.length; start += PARALLEL) {
    const part = toChange.slice(start, start + PARALLEL);
    const faults = isDryRun ? part.map(() => null) : await Promise.all(part.map((id) => change(id, action, context)));
    part.forEach((id, i) => {
      const fault = faults[i] ?? null;
      if (fault === null) ids.push(id);
      else failed.push(fault);
    });
  }
  // One for all of them: whoever has seen the last change has seen those before it.
  const propagation = isDryRun ? null : await receipt(context);
  return { action, dry_run: isDryRun, matched, changed: ids.length, ids, failed, next, propagation };
}

interface Matching {
  matched: number;
  /** Ids of those for which there is something left to do. */
  readonly toChange: string[];
  readonly failed: Failed[];
  /** Where the next call goes on; null: there is nothing left. */
  next: string | null;
}

/** The keys that meet the conditions, up to as many as one call may change. */
async function matching(body: BulkChange, context: AdminContext): Promise<Matching> {
  const { caller, clock, keys } = context;
  const { ids, ...filter } = body.filter;
  const catalogue = await keys.catalogue();
  const conditions = conditionsOf(filter, caller, catalogue, clock.now());
  const found: Matching = { matched: 0, toChange: [], failed: [], next: null };
  const add = (record: KeyRecord): void => {
    found.matched++;
    if (!isAlready(record, body.action, caller.subject)) found.toChange.push(record.id);
  };
  if (ids === undefined) await walk(body.cursor, conditions, found, add, context);
  else await lookUp(ids, conditions, found, add, context);
  if (found.matched === 0 && body.cursor === undefined) mustKnow(filter, catalogue);
  return found;
}

async function walk(
  cursor: string | undefined,
  conditions: Conditions,
  found: Matching,
  add: (record: KeyRecord) => void,
  { store }: AdminContext,
): Promise<void> {
  let after = cursor;
  for (let pages = 0; pages < MAX_STORE_PAGES && found.toChange.length < MAX_CHANGED; pages++) {
    const page = await store.keys.list({
      ...conditions,
      // Never more than may still be changed: the next call goes on after a page, not in the middle of one.
      limit: Math.min(PAGE, MAX_CHANGED - found.toChange.length),
      ...(after === undefined ? {} : { after }),
    });
    for (const record of page.keys) add(record);
    found.failed.push(...page.unreadable.map(unreadable));
    found.next = page.next;
    if (page.next === null) return;
    after = page.next;
  }
}

/** A key that is named and is not there is a failure: nobody must believe that a mistyped one was revoked. */
async function lookUp(
  ids: readonly string[],
  conditions: Conditions,
  found: Matching,
  add: (record: KeyRecord) => void,
  { keys }: AdminContext,
): Promise<void> {
  for (const id of new Set(ids)) {
    try {
      const record = await keys.get(id);
      if (meets(record, conditions)) add(record);
    } catch (error) {
      found.failed.push(failure(id, error));
    }
  }
}

/** Whether there is nothing left to do: what is revoked stays so, and needs no disabling. */
function isAlready(key: KeyRecord, action: BulkChange['action'], subject: string): boolean {
  return key.status === 'revoked' || (action === 'disable' && isDisabledFor(key, subject));
}

async function change(id: string, action: BulkChange['action'], { keys }: AdminContext): Promise<Failed | null> {
  try {
    await (action === 'revoke' ? keys.revoke(id) : keys.setEnabled(id, false));
    return null;
  } catch (error) {
    return failure(id, error);
  }
}

/** What is told of a key that could not be read or changed: what was done to the others must not be lost with it. */
function failure(id: string, error: unknown): Failed {
  if (error instanceof KeyError || error instanceof StoreError) return { id, code: error.code, detail: error.message };
  throw error;
}

function unreadable(id: string): Failed {
  return { id, code: 'STORE_CORRUPT', detail: 'its record is damaged, or was written by a newer version' };
}
