import type { CompiledRestriction } from '../core/decision.ts';
import type { KeyRestrictions } from '../core/key.ts';
import { ip } from './ip.ts';
import type { RestrictionKind } from './restriction.ts';
import { time } from './time.ts';

/** Every kind of restriction, in the order in which a request meets them. */
export const RESTRICTIONS: readonly RestrictionKind[] = [ip, time];

/** What is wrong with the restrictions as written; empty when nothing is. */
export function restrictionFaults(restrictions: KeyRestrictions): string[] {
  return RESTRICTIONS.flatMap((kind) => kind.faults(restrictions));
}

/** Parses a key's restrictions, once, when the key is loaded. */
export function compileRestrictions(restrictions: KeyRestrictions): CompiledRestriction[] {
  return RESTRICTIONS.map((kind) => kind.compile(restrictions)).filter((compiled) => compiled !== null);
}
