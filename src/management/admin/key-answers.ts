import type { KeyRecord } from '../../core/key.ts';
import type { Store } from '../../core/ports.ts';
import { dayOf, type KeyUse } from '../../core/usage.ts';
import type { KeyCatalogue } from '../../keys/key-input.ts';
import { viewOf } from '../../keys/view.ts';
import type { KeyAnswer } from '../schemas/key.ts';

/** Keys as the API answers them, with what was counted of them. */
export async function keyAnswers(
  records: readonly KeyRecord[],
  store: Pick<Store, 'usage'>,
  catalogue: KeyCatalogue,
  now: number,
): Promise<KeyAnswer[]> {
  if (records.length === 0) return [];
  const ids = records.map(({ id }) => id);
  const today = dayOf(now);
  const [uses, requests] = await Promise.all([
    store.usage.read(ids),
    store.usage.requests(ids, firstDayOfMonth(now), today),
  ]);
  return records.map((record, i) => keyAnswer(record, uses[i] ?? null, requests[i] ?? new Map(), catalogue, now));
}

/** A key that was made just now: nothing can have been counted of it. */
export function newKeyAnswer(record: KeyRecord, catalogue: KeyCatalogue, now: number): KeyAnswer {
  return keyAnswer(record, null, new Map(), catalogue, now);
}

function keyAnswer(
  record: KeyRecord,
  use: KeyUse | null,
  perDay: ReadonlyMap<number, number>,
  catalogue: KeyCatalogue,
  now: number,
): KeyAnswer {
  let month = 0;
  for (const requests of perDay.values()) month += requests;
  const usage = { requests_today: perDay.get(dayOf(now)) ?? 0, requests_this_month: month };
  return { ...(viewOf(record, use, catalogue, now) as Omit<KeyAnswer, 'usage'>), usage };
}

/** Whole days since the epoch of the first day of the UTC month. */
function firstDayOfMonth(now: number): number {
  const date = new Date(now);
  return dayOf(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1));
}
