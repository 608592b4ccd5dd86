import type { Decision } from '../core/decision.ts';
import type { Denial } from '../core/denial.ts';

/** Where and when a key may be used: its restrictions, parsed when the key was loaded, in the order of their list. */
export function restrictions(decision: Decision): Denial | null {
  const { key, request } = decision;
  if (key === null) throw new Error('restrictions must come after authenticate');
  const list = key.restrictions;
  for (let i = 0; i < list.length; i++) {
    const denial = list[i]?.(request) ?? null;
    if (denial !== null) return denial;
  }
  return null;
}
