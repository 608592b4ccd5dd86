import { type KeyUse, laterUse } from '../../core/usage.ts';
import { decodeRequests } from './usage-counts.ts';
import { beginOf, beginOfUse, beginOfUses, timeOf } from './usage-lines.ts';

/** So few names are searched for one by one, which is quicker than to look at each line. */
const FEW = 3;

/** The last uses that lines of a shard tell of some keys; keys of which they tell nothing are left out. */
export function usesIn(pending: readonly string[], keyIds: readonly string[]): ReadonlyMap<string, KeyUse> {
  const uses = new Map<string, KeyUse>();
  const wanted = new Map(keyIds.map((keyId) => [beginOfUse(keyId), keyId]));
  for (const lines of pending) {
    scan(lines, beginOfUses(lines), lines.length, wanted, (keyId, last, previous) => {
      const use = { keyId, lastUsedAt: timeOf(last), previousLastUsedAt: timeOf(previous) };
      const known = uses.get(keyId);
      uses.set(keyId, known === undefined ? use : laterUse(known, use));
    });
  }
  return uses;
}

/** The requests by day that lines of a shard tell of some keys; keys of which they tell nothing are left out. */
export function requestsIn(
  pending: readonly string[],
  keyIds: readonly string[],
): ReadonlyMap<string, ReadonlyMap<number, number>> {
  const requests = new Map<string, Map<number, number>>();
  const wanted = new Map(keyIds.map((keyId) => [beginOf(`key:${keyId}`), keyId]));
  for (const lines of pending) {
    scan(lines, 0, beginOfUses(lines), wanted, (keyId, day, counts) => {
      const days = requests.get(keyId) ?? new Map<number, number>();
      days.set(Number(day), (days.get(Number(day)) ?? 0) + decodeRequests(counts));
      requests.set(keyId, days);
    });
  }
  return requests;
}

type Each = (what: string, first: string, second: string) => void;

/** Gives the lines between two places that are wanted, by what they begin with: for what it stands, and their two values. */
function scan(lines: string, from: number, to: number, wanted: ReadonlyMap<string, string>, each: Each): void {
  if (wanted.size <= FEW) {
    for (const [begin, what] of wanted) search(lines, from, begin, (first, second) => each(what, first, second));
    return;
  }
  for (let start = from; start < to; ) {
    const second = lines.indexOf('\t', start);
    const what = wanted.get(lines.slice(start, second));
    const end = endOf(lines, second);
    if (what !== undefined) give(lines, second, end, (...values) => each(what, ...values));
    start = end;
  }
}

function search(lines: string, from: number, named: string, each: (first: string, second: string) => void): void {
  // A line feed in a name is escaped, so this is found nowhere but where a line begins.
  const begin = `${named}\t`;
  for (let start = lines.indexOf(begin, from); start >= 0; start = lines.indexOf(begin, start + 1)) {
    const second = start + begin.length - 1;
    give(lines, second, endOf(lines, second), each);
  }
}

/** @param second where the tab after the name is @param end where the line ends */
function give(lines: string, second: number, end: number, each: (first: string, second: string) => void): void {
  const third = lines.indexOf('\t', second + 1);
  each(lines.slice(second + 1, third), lines.slice(third + 1, end));
}

function endOf(lines: string, from: number): number {
  const end = lines.indexOf('\n', from);
  return end < 0 ? lines.length : end;
}
