import type { KeyChanges } from '../core/ports.ts';

/** Changes that a store remembers, and the most that one answer lists. Whoever is further behind starts over. */
export const MAX_CHANGES = 10_000;

/** The cursor while there is no change yet. */
export const BEGINNING = '0';

/** What no key's id begins with. */
const ROLE = 'role:';

/** One remembered change. */
export interface Change {
  readonly position: string;
  /** Id of a key, or what `roleSubject` gives. */
  readonly subject: string;
}

/** What a change of a role is remembered as. */
export function roleSubject(name: string): string {
  return `${ROLE}${name}`;
}

/** The answer to whoever has no cursor yet. @param newest position of the newest change; undefined: there is none */
export function changesFromNow(newest: string | undefined, hasImported: boolean): KeyChanges {
  return { cursor: newest ?? BEGINNING, changed: null, rolesChanged: true, hasImported };
}

/**
 * What changed after a cursor.
 *
 * The cursor is the position of the last change that was seen. When that one is no longer in the log, it was forgotten
 * among too many or the store lost it (restored, failed over, emptied), and then nothing can be said about what else
 * is missing.
 *
 * @param changes the changes at the cursor and after it, oldest first; one more than MAX_CHANGES at most
 * @param hasImported whether a key with an imported secret was ever stored; read after the changes, so that it is no older
 */
export function changesAfter(cursor: string, changes: readonly Change[], hasImported: boolean): KeyChanges {
  const seen = cursor === BEGINNING ? 0 : 1;
  const isThere = seen === 0 ? changes.length < MAX_CHANGES : changes[0]?.position === cursor;
  const isWhole = isThere && changes.length - seen < MAX_CHANGES;
  if (!isWhole) return changesFromNow(changes.at(-1)?.position, hasImported);
  const subjects = changes.slice(seen).map((change) => change.subject);
  return {
    cursor: changes.at(-1)?.position ?? BEGINNING,
    changed: subjects.filter((subject) => !subject.startsWith(ROLE)),
    rolesChanged: subjects.some((subject) => subject.startsWith(ROLE)),
    hasImported,
  };
}
