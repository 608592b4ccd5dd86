import type { KeyRecord } from '../core/key.ts';

/** Characters of a key's lists and texts that make it count for one key more. */
const LENGTH_PER_KEY = 1_000;
/** What an entry of a restriction counts for, as text and in the form that is searched. */
const ENTRY_LENGTH = 50;

/**
 * For how many keys a record counts where a number of keys is kept in memory: 1, and more when it is large.
 *
 * @param permissions characters of its permissions, in the form in which they are kept
 */
export function sizeOf({ description, restrictions, metadata }: KeyRecord, permissions: number): number {
  let length = description.length + permissions;
  for (const name in restrictions) length += entriesOf(restrictions[name]) * ENTRY_LENGTH;
  for (const name in metadata) length += name.length + (metadata[name] ?? '').length;
  return 1 + Math.floor(length / LENGTH_PER_KEY);
}

function entriesOf(value: unknown): number {
  return Array.isArray(value) ? value.length : 1;
}
