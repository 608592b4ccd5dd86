import type { ListIndex } from '../listing.ts';

/**
 * What is where in Redis (7.0 or newer).
 *
 * | name | type | |
 * |---|---|---|
 * | `lk:{keys}:record:<id>`       | hash   | the key: its JSON, and beside it what scripts compare (version, position, digests, …) |
 * | `lk:{keys}:digest:<digest>`   | string | id of the key whose current or previous secret has this digest |
 * | `lk:{keys}:list:all`          | zset   | positions of all keys, all of one score, so in the order of their text |
 * | `lk:{keys}:list:owner:<o>`, `…:type:<t>`, `…:status:<s>` | zset | the same for the keys that have that value |
 * | `lk:{keys}:changes`           | stream | ids of the keys that changed last |
 * | `lk:limit:<id>`               | hash   | LimitState; forgotten three days after its last use |
 * | `lk:use:<id>`                 | hash   | when the key was last used |
 *
 * All about keys shares the hash tag `{keys}`, and so one slot of a cluster: a key, its digests and its places in the
 * listings then change in one script, and there is no half-made key after any crash. That slot holds about 2 KB for
 * each key and is asked only when a gateway does not know a key. Counting, which is where the load is, has a name of
 * its own for each key and spreads over all slots; each of its scripts touches one name.
 *
 * How durable an acknowledged change is, is for the server's settings to say: with `appendonly yes` and
 * `appendfsync always` it is on the disk, with `everysec` up to a second of changes is lost with the machine.
 */
const KEYS = 'lk:{keys}:';

export const CHANGES = `${KEYS}changes`;

export function recordName(id: string): string {
  return `${KEYS}record:${id}`;
}

export function digestName(digest: string): string {
  return `${KEYS}digest:${digest}`;
}

export function listName(index: ListIndex): string {
  return index.name === 'all' ? `${KEYS}list:all` : `${KEYS}list:${index.name}:${index.value}`;
}

export function limitName(id: string): string {
  return `lk:limit:${id}`;
}

export function useName(id: string): string {
  return `lk:use:${id}`;
}
