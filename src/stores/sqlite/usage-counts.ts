import { StoreError } from '../../core/ports.ts';
import type { UsageDay } from '../../core/usage.ts';

/** Requests, errors and microseconds. */
type Hour = [number, number, number];

/** Requests by endpoint, method and denial. */
export type Names = [Record<string, number>, Record<string, number>, Record<string, number>];

/** The counts of a day in the form in which they are kept: by hour, endpoint, method and denial. */
export type Counts = [Record<string, Hour>, ...Names];

export function noCounts(): Counts {
  return [{}, {}, {}, {}];
}

/** @throws StoreError STORE_CORRUPT */
export function decodeCounts(text: string): Counts {
  try {
    return JSON.parse(text) as Counts;
  } catch (error) {
    throw new StoreError('STORE_CORRUPT', 'Counts of usage in the store are damaged', { cause: error });
  }
}

/**
 * How many requests are in counts, without the rest of them, which is most of the text.
 *
 * @throws StoreError STORE_CORRUPT
 */
export function decodeRequests(text: string): number {
  // The hours come first, and hold no other brace.
  return requestsIn(decodeCounts(`${text.slice(0, text.indexOf('}') + 1)}]`));
}

/** Adds `more` to `counts`. */
export function addCounts(counts: Counts, more: Counts): void {
  const [hours] = counts;
  for (const hour in more[0]) {
    const known = hours[hour];
    const added = more[0][hour] as Hour;
    if (known === undefined) hours[hour] = added;
    else for (let i = 0; i < known.length; i++) known[i] = (known[i] as number) + (added[i] as number);
  }
  addNames(counts, [more[1], more[2], more[3]]);
}

/** Adds `more` to the names of `counts`. */
export function addNames(counts: Counts, more: Readonly<Names>): void {
  addTable(counts[1], more[0]);
  addTable(counts[2], more[1]);
  addTable(counts[3], more[2]);
}

function addTable(known: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const name in more) known[name] = (known[name] ?? 0) + (more[name] as number);
}

export function requestsIn(counts: readonly [Counts[0], ...unknown[]]): number {
  return Object.values(counts[0]).reduce((sum, [requests]) => sum + requests, 0);
}

export function dayWith(day: number, [hours, endpoints, methods, denials]: Counts): UsageDay {
  const totals = Object.entries(hours).map(([hour, [requests, errors, timeUs]]) => [
    hour,
    { requests, errors, timeUs },
  ]);
  return { day, hours: Object.fromEntries(totals) as UsageDay['hours'], endpoints, methods, denials };
}
