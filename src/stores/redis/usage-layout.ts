import { hash } from 'node:crypto';
import type { UsageScope } from '../../core/usage.ts';

/**
 * What is counted and logged of requests, beside what layout.ts lists.
 *
 * | name | type | | size |
 * |---|---|---|---|
 * | `lk:usage:{<part>}:<day>`      | hash | what was counted on a day; forgotten when its retention is over | 170 B (one hour, one route) to 1 KB (24 hours, five routes) |
 * | `lk:usage:{<part>}:<day>:sent` | hash | the last batch of each process that counted there, of MAX_WRITERS at most; kept for two days | 140 B, 20 B more for each further process, 66 KB at most |
 * | `lk:usage:{<part>}:days`       | hash | requests by day, so that a month of many keys is one look-up for each | 120 B with one day |
 * | `lk:usage:{key:<id>}:use`      | hash | when the key was last used; forgotten when that is past its retention | 140 B |
 * | `lk:log:<id>`                  | zset | requests of the key, all of one score, so in the order of their positions | 360 B a request |
 * | `lk:logs:<00 to ff>`           | zset | ids of the keys that have a log and begin so when they are hashed, by when its oldest entry expires | 45 B a key, 125 B when a list has more than 128 |
 * | `lk:requests:<000 to fff>`     | list | where requests are logged whose ids begin so when they are hashed, the newest first | 256 of 50 B at most, so that all lists have a million |
 *
 * `bench/micro/sizes.ts` measures these. A part is a scope, `key:<id>` or `owner:<owner>`, or one of the 16 parts of
 * the scope that every gateway counts for, `all:0` to `all:15`. All names of a part share a slot.
 *
 * Older versions have one part `all`, and one list `lk:logs`. Gateways of both may run at the same time: `all` is read
 * with its parts, and never written; what is in `lk:logs` is moved when logs are pruned (log-places.ts).
 */
export type UsagePart = UsageScope | `all:${number}`;

/** Not fewer in any later version: what was counted would not be read any more. */
const PARTS_OF_ALL = 16;
const ALL: readonly UsagePart[] = ['all', ...Array.from({ length: PARTS_OF_ALL }, (_, i): UsagePart => `all:${i}`)];

/** Where a process counts for a scope: always in the same part, so that a batch that is sent again is found there. */
export function partOf(scope: UsageScope, writer: string): UsagePart {
  if (scope !== 'all') return scope;
  return `all:${Number.parseInt(hash('sha256', writer, 'hex').slice(0, 8), 16) % PARTS_OF_ALL}`;
}

/** Everywhere that processes of this and older versions count for a scope. */
export function partsOf(scope: UsageScope): readonly UsagePart[] {
  return scope === 'all' ? ALL : [scope];
}

function usageName(part: UsagePart, what: string | number): string {
  return `lk:usage:{${part}}:${what}`;
}

export function countsName(part: UsagePart, day: number): string {
  return usageName(part, day);
}

export function sentName(part: UsagePart, day: number): string {
  return usageName(part, `${day}:sent`);
}

export function daysName(part: UsagePart): string {
  return usageName(part, 'days');
}

/** Of a key's scope; the others have none. */
export function lastUseName(part: UsagePart): string {
  return usageName(part, 'use');
}

export function logName(keyId: string): string {
  return `lk:log:${keyId}`;
}

/** Where older versions list the keys that have a log. */
export const OLD_LOGS = 'lk:logs';

/** Digits of a hashed key id that name its list of keys with a log. */
const LOGS_DIGITS = 2;
/** All of those lists. */
export const LOGS: readonly string[] = Array.from(
  { length: 16 ** LOGS_DIGITS },
  (_, i) => `${OLD_LOGS}:${i.toString(16).padStart(LOGS_DIGITS, '0')}`,
);

/** The list that has a key once it has a log. */
export function logsName(keyId: string): string {
  return `${OLD_LOGS}:${hash('sha256', keyId, 'hex').slice(0, LOGS_DIGITS)}`;
}

/** @param bucket three hexadecimal digits */
export function requestsName(bucket: string): string {
  return `lk:requests:${bucket}`;
}
