import type { UsageScope } from '../../core/usage.ts';

/**
 * What is counted and logged of requests, beside what layout.ts lists.
 *
 * | name | type | | size |
 * |---|---|---|---|
 * | `lk:usage:{<scope>}:<day>`      | hash | what was counted on a day; forgotten when its retention is over | 170 B (one hour, one route) to 1 KB (24 hours, five routes) |
 * | `lk:usage:{<scope>}:<day>:sent` | hash | the last batch of each process that counted there; kept for two days | 140 B, 18 B more for each further process |
 * | `lk:usage:{<scope>}:days`       | hash | requests by day, so that a month of many keys is one look-up for each | 120 B with one day |
 * | `lk:usage:{key:<id>}:use`       | hash | when the key was last used; forgotten when that is past its retention | 140 B |
 * | `lk:log:<id>`                   | zset | requests of the key, all of one score, so in the order of their positions | 360 B a request |
 * | `lk:logs`                       | zset | ids of the keys that have a log, by when its oldest entry expires | 120 B a key |
 * | `lk:requests:<000 to fff>`      | list | where requests are logged whose ids begin so when they are hashed, the newest first | 256 of 50 B at most, so that all lists have a million |
 *
 * `bench/micro/sizes.ts` measures these. `{all}` and `lk:logs` are one name each that every gateway writes, in batches.
 *
 * A scope is `key:<id>`, `owner:<owner>` or `all`. All names of a scope share a slot.
 */
function usageName(scope: UsageScope, what: string | number): string {
  return `lk:usage:{${scope}}:${what}`;
}

export function countsName(scope: UsageScope, day: number): string {
  return usageName(scope, day);
}

export function sentName(scope: UsageScope, day: number): string {
  return usageName(scope, `${day}:sent`);
}

export function daysName(scope: UsageScope): string {
  return usageName(scope, 'days');
}

/** Of a key's scope; the others have none. */
export function lastUseName(scope: UsageScope): string {
  return usageName(scope, 'use');
}

export function logName(keyId: string): string {
  return `lk:log:${keyId}`;
}

export const LOGS = 'lk:logs';

/** @param bucket three hexadecimal digits */
export function requestsName(bucket: string): string {
  return `lk:requests:${bucket}`;
}
