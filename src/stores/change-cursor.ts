import type { KeyChanges } from '../core/ports.ts';

/** Changes that a store remembers, and the most that one answer lists. Whoever is further behind starts over. */
export const MAX_CHANGES = 10_000;

/** The cursor while there is no change yet. */
export const BEGINNING = '0';

/** One remembered change of a key. */
export interface Change {
  readonly position: string;
  readonly keyId: string;
}

/**
 * What changed after a cursor.
 *
 * The cursor is the position of the last change that was seen. When that one is no longer in the log, it was forgotten
 * among too many or the store lost it (restored, failed over, emptied), and then nothing can be said about what else
 * is missing.
 *
 * @param changes the changes at the cursor and after it, oldest first; one more than MAX_CHANGES at most
 */
export function changesAfter(cursor: string, changes: readonly Change[]): KeyChanges {
  const seen = cursor === BEGINNING ? 0 : 1;
  const isThere = seen === 0 ? changes.length < MAX_CHANGES : changes[0]?.position === cursor;
  const isWhole = isThere && changes.length - seen < MAX_CHANGES;
  return {
    cursor: changes.at(-1)?.position ?? BEGINNING,
    changed: isWhole ? changes.slice(seen).map((change) => change.keyId) : null,
  };
}
