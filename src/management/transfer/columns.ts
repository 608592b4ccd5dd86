import { didYouMean } from '../../core/nearest.ts';
import { SIMPLE_RESTRICTIONS } from '../../restrictions/index.ts';
import { glimpse } from './fault.ts';

/** What the columns of a list of keys may be called, and what each gives. */
export type Columns = Readonly<Record<string, string>>;

/** A list of the keys of an API that had none of this before. */
export const KEY_COLUMNS: Columns = {
  name: 'name',
  secret: 'secret',
  key: 'secret',
  value: 'secret',
  token: 'secret',
  sha256: 'sha256',
  hash: 'sha256',
  type: 'type',
  owner: 'owner',
  permissions: 'permissions',
  preset: 'preset',
  roles: 'roles',
  tier: 'tier',
  expires_at: 'expires_at',
  created_at: 'created_at',
  description: 'description',
  ...Object.fromEntries(SIMPLE_RESTRICTIONS.map(({ field }) => [field, field])),
  metadata: 'metadata',
};

/** The list of an account whose keys have a name, a value and a date, and may do everything. */
export const V1_COLUMNS: Columns = { name: 'name', value: 'secret', created: 'created_at' };

/** Under this begin the names of columns that hold one piece of metadata each. */
const METADATA = 'metadata.';

/**
 * What a column gives: `secret`, `metadata.team`, …
 *
 * @param name as it stands in the file; case does not matter, and `Expires At` is `expires_at`
 * @returns null when there is no such column
 */
export function columnOf(name: string, columns: Columns): string | null {
  const trimmed = name.trim();
  const known = trimmed.toLowerCase().replace(/[ -]+/g, '_');
  if (Object.hasOwn(columns, known)) return columns[known] ?? null;
  if (!known.startsWith(METADATA) || !Object.hasOwn(columns, 'metadata')) return null;
  const piece = trimmed.slice(METADATA.length);
  // Objects in the program inherit under that name.
  return piece === '' || piece === '__proto__' ? null : METADATA + piece;
}

/** `"secert" is no known column; did you mean "secret"?` A header that is missing may be a secret: long names are cut. */
export function unknownColumn(name: string, columns: Columns): string {
  return `${glimpse(name)} is no known column${didYouMean(name, Object.keys(columns))}`;
}

/** `expected name, secret, …` */
export function expectedColumns(columns: Columns): string {
  const more = Object.hasOwn(columns, 'metadata') ? `, ${METADATA}NAME` : '';
  return `expected ${Object.keys(columns).join(', ')}${more}`;
}

/**
 * Whether these are the columns of a list of keys as this program shows them, with the ends of secrets and nothing that
 * would open a key.
 */
export function areOfListing(names: readonly string[]): boolean {
  const opens = names.some((name) => ['secret', 'sha256'].includes(columnOf(name, KEY_COLUMNS) ?? ''));
  return !opens && names.includes('hint') && (names.includes('granted_permissions') || names.includes('status'));
}
