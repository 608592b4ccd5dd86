import type { KeyRecord } from '../../core/key.ts';
import { type KeyQuery, type KeyStore, StoreError } from '../../core/ports.ts';

const PAGE = 500;

export const EXPORT_STATUSES = ['active', 'disabled', 'revoked', 'expired'] as const;

/** Which keys are exported; all when empty. */
export interface ExportFilters {
  readonly type?: string;
  readonly owner?: string;
  readonly status?: (typeof EXPORT_STATUSES)[number];
}

/**
 * All keys that pass the filters, oldest first, a page at a time.
 *
 * @param onUnreadable is told of a key whose record cannot be understood; the others go on
 */
export async function* keyStream(
  store: KeyStore,
  { type, owner, status }: ExportFilters,
  now: number,
  onUnreadable: (id: string) => void,
): AsyncGenerator<KeyRecord> {
  const query: Omit<KeyQuery, 'after'> = {
    limit: PAGE,
    // Keys that are made in the meantime come at the end, and are not missed.
    sort: 'created_at',
    ...(type === undefined ? {} : { type }),
    ...(owner === undefined ? {} : { owner }),
    // The store keeps no status "expired".
    ...(status === undefined ? {} : { status: status === 'expired' ? ('active' as const) : status }),
  };
  for (let after: string | null | undefined; after !== null; ) {
    const page = await store.list({ ...query, ...(after === undefined ? {} : { after }) });
    for (const id of page.unreadable) onUnreadable(id);
    for (const record of page.keys) if (status === undefined || statusOf(record, now) === status) yield record;
    after = page.next;
  }
}

/** As it is shown: an active key that has ended is expired. */
export function statusOf({ status, expiresAt }: KeyRecord, now: number): (typeof EXPORT_STATUSES)[number] {
  return status === 'active' && expiresAt !== null && expiresAt <= now ? 'expired' : status;
}

/** Whether the store has such a key but cannot understand what it holds. */
export function isCorrupt(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'STORE_CORRUPT';
}
