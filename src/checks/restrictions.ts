import { type CompiledRestriction, type Decision, noteShadow } from '../core/decision.ts';
import { type Denial, deny } from '../core/denial.ts';
import type { Check } from './check.ts';

/** Where, when and by what a key may be used: its restrictions, parsed when the key was loaded, in the order of their list. */
export const restrictions: Check = {
  name: 'restrictions',
  run(decision) {
    const { key } = decision;
    if (key === null) throw new Error('restrictions must come after authenticate');
    const denial = firstDenial(key.restrictions, decision);
    return denial?.facts.retry_at === undefined ? denial : whileItLives(denial, key.record.expiresAt);
  },
};

/** The first of them that denies and is enforced; those in shadow are noted. */
export function firstDenial(list: readonly CompiledRestriction[], decision: Decision): Denial | null {
  for (let i = 0; i < list.length; i++) {
    const { test, isShadow } = list[i] as CompiledRestriction;
    const denial = test(decision.request);
    if (denial === null) continue;
    if (!isShadow) return denial;
    noteShadow(decision, denial);
  }
  return null;
}

/** A key that will have expired when its hours begin does not work again then. */
function whileItLives(denial: Denial, expiresAt: number | null): Denial {
  const { retry_at: retryAt, ...facts } = denial.facts;
  if (expiresAt === null || retryAt === undefined || Date.parse(retryAt) < expiresAt) return denial;
  return deny(denial.code, denial.detail, facts);
}
