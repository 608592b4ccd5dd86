import type { Check } from './check.ts';
import { firstDenial } from './restrictions.ts';

/**
 * What holds for every request, on public routes too. It comes first: who is not let in at all is told nothing of keys,
 * and cannot try any.
 */
export const globalRestrictions: Check = {
  name: 'global-restrictions',
  run: (decision, gate) => (gate.restrictions.length === 0 ? null : firstDenial(gate.restrictions, decision)),
};
