import type { ListIndex } from '../listing.ts';

/**
 * What is where in Redis (7.0 or newer).
 *
 * | name | type | | size |
 * |---|---|---|---|
 * | `lk:{keys}:record:<id>`       | hash   | the key: its JSON, and beside it what scripts compare (version, digests, …) and its places in the listings | 2 KB |
 * | `lk:{keys}:digest:<digest>`   | string | id of the key whose current or previous secret has this digest | 150 B |
 * | `lk:{keys}:list:all`          | zset   | places of all keys, newest first; of one score, so in the order of their text | 160 B a key |
 * | `lk:{keys}:list:owner:<o>`, `…:type:<t>`, `…:status:<s>` | zset | the same for the keys that have that value | 60 B a key in a small one, 160 in a large one |
 * | `lk:{keys}:list:name`, `…:list:expires` | zset | places of all keys by name, and by when they expire | 160 B a key, more with long names |
 * | `lk:{keys}:layout`            | string | version of these names that all records have their places by | one digit |
 * | `lk:{keys}:changes`           | stream | ids of the keys that changed last, `role:<name>` for roles | 10,000 entries at most, 46 B each |
 * | `lk:{keys}:imported`          | string | there once a key with an imported secret was stored | one digit |
 * | `lk:{keys}:roles`             | hash   | name of each role to its JSON | 1,000 roles at most, 1 KB each |
 * | `lk:{keys}:claim:<id>`        | hash   | Claim; gone when it expires | 2 KB |
 * | `lk:{keys}:audit`             | stream | the audit log: entry n has the id `<n>-0`, and its JSON, the hash before and its own | 1 to 4 KB an entry, until retention removes it |
 * | `lk:{keys}:audit-head`        | string | number and hash of its last entry | 80 B |
 * | `lk:{keys}:audit-anchor`      | string | the same of the last entry that retention removed | 80 B |
 * | `lk:{keys}:gateways`          | hash   | id of each running gateway to when it was heard of, how far it is in the changes, and its name; and when any was heard of (`heard`); gone an hour after the last report | 100 B a gateway, and for one that died until another comes |
 * | `lk:limit:<id>`               | hash   | LimitState, and in `o0` to `o7` what processes were granted last; forgotten two days after its bucket is full again | 220 B |
 *
 * What is counted and logged of requests has its names in usage-layout.ts.
 *
 * All about keys shares the hash tag `{keys}`, and so one slot of a cluster: a key, its digests, its places in the
 * listings and the audit entry then change in one script, and there is no half-made key after any crash. That slot holds
 * about 3 KB for each key, and its audit entries, and is asked only when a gateway does not know a key. Counting, which is where the load is,
 * has a name of its own for each key and spreads over all slots; each of its scripts touches one name.
 *
 * How durable an acknowledged change is, is for the server's settings to say: with `appendonly yes` and
 * `appendfsync always` it is on the disk, with `everysec` up to a second of changes is lost with the machine.
 */
const KEYS = 'lk:{keys}:';

export const CHANGES = `${KEYS}changes`;
export const GATEWAYS = `${KEYS}gateways`;
export const IMPORTED = `${KEYS}imported`;
export const ROLES = `${KEYS}roles`;
export const AUDIT = `${KEYS}audit`;
export const AUDIT_HEAD = `${KEYS}audit-head`;
export const AUDIT_ANCHOR = `${KEYS}audit-anchor`;
export const BY_NAME = `${KEYS}list:name`;
export const BY_EXPIRY = `${KEYS}list:expires`;

/** Since version 2 every key has a place by name and one by expiry. There was no marker before. */
export const LAYOUT = `${KEYS}layout`;
export const LAYOUT_VERSION = '2';

export function recordName(id: string): string {
  return `${KEYS}record:${id}`;
}

export function digestName(digest: string): string {
  return `${KEYS}digest:${digest}`;
}

/** The places of an index in the order of creation. */
export function listName(index: ListIndex): string {
  return index.name === 'all' ? `${KEYS}list:all` : `${KEYS}list:${index.name}:${index.value}`;
}

export function claimName(id: string): string {
  return `${KEYS}claim:${id}`;
}

export function limitName(id: string): string {
  return `lk:limit:${id}`;
}

/** Fields of a limit that grants are kept in: each process has one of them, and may share it with others. */
export const GRANT_FIELDS = 8;

/** @param number below GRANT_FIELDS */
export function grantField(number: number): string {
  return `o${number}`;
}
