import type { KeyRecord } from '../../core/key.ts';
import { StoreError } from '../../core/ports.ts';
import { KeyError } from '../../keys/key-error.ts';
import { isDisabledFor } from '../../keys/service.ts';
import { mustWrite } from '../reach.ts';
import type { BulkChange, BulkResult } from '../schemas/key.ts';
import type { AdminContext } from './context.ts';
import { conditionsOf } from './listing.ts';

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
  const { action, filter, dry_run: isDryRun = false } = body;
  mustWrite(context.caller, 'to change many keys at once');
  const { matched, toChange, failed, more } = await matching(filter, action, context);
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
  return { action, dry_run: isDryRun, matched, changed: ids.length, ids, failed, more };
}

interface Matching {
  readonly matched: number;
  /** Ids of those for which there is something left to do. */
  readonly toChange: readonly string[];
  readonly failed: Failed[];
  readonly more: boolean;
}

/** The keys that meet the conditions, up to as many as one call may change. */
async function matching(
  { ids, ...filter }: BulkChange['filter'],
  action: BulkChange['action'],
  { caller, clock, keys, store }: AdminContext,
): Promise<Matching> {
  const named = ids === undefined ? null : new Set(ids);
  const { where, ...conditions } = conditionsOf(filter, caller, await keys.catalogue(), clock.now());
  const toChange: string[] = [];
  const failed: Failed[] = [];
  let matched = 0;
  let after: string | undefined;
  for (let pages = 1; ; pages++) {
    const page = await store.keys.list({
      ...conditions,
      limit: PAGE,
      where: (record) => (named === null || named.has(record.id)) && (where?.(record) ?? true),
      ...(after === undefined ? {} : { after }),
    });
    for (const record of page.keys) {
      if (toChange.length === MAX_CHANGED) return { matched, toChange, failed, more: true };
      matched++;
      if (!isAlready(record, action, caller.subject)) toChange.push(record.id);
    }
    failed.push(...page.unreadable.filter((id) => named === null || named.has(id)).map(unreadable));
    if (page.next === null || matched === named?.size) return { matched, toChange, failed, more: false };
    if (pages === MAX_STORE_PAGES) return { matched, toChange, failed, more: true };
    after = page.next;
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
    if (error instanceof KeyError || error instanceof StoreError)
      return { id, code: error.code, detail: error.message };
    throw error;
  }
}

function unreadable(id: string): Failed {
  return { id, code: 'STORE_CORRUPT', detail: 'its record is damaged, or was written by a newer version' };
}
