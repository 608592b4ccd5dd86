import type { CompiledRestriction } from '../core/decision.ts';
import type { KeyRestrictions } from '../core/key.ts';
import type { Places } from '../core/places.ts';
import { country } from './country.ts';
import { ip } from './ip.ts';
import type { RestrictionKind } from './restriction.ts';
import { time } from './time.ts';
import { tor } from './tor.ts';

/** Every kind of restriction, in the order in which a request meets them. */
export const RESTRICTIONS: readonly RestrictionKind[] = [ip, country, tor, time];

/** What is wrong with the restrictions as written, as `field: message`; empty when nothing is. */
export function restrictionFaults(restrictions: KeyRestrictions): string[] {
  return RESTRICTIONS.flatMap((kind) => kind.faults(restrictions));
}

/**
 * Parses a key's restrictions, once, when the key is loaded.
 * @param places what the gateway knows of addresses; what it does not know is refused
 */
export function compileRestrictions(restrictions: KeyRestrictions, places: Places): CompiledRestriction[] {
  return RESTRICTIONS.map((kind) => kind.compile(restrictions, places)).filter((compiled) => compiled !== null);
}

/**
 * Why a key so restricted can never be used on a gateway that knows these places, as `field: message`: its writer wants
 * to know. Empty when nothing is in the way.
 */
export function explainPlaces(restrictions: KeyRestrictions, places: Places): string[] {
  return RESTRICTIONS.map((kind) => kind.warning?.(restrictions, places) ?? null).filter((text) => text !== null);
}
