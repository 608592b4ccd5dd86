import type { CompiledRestriction } from '../core/decision.ts';
import { type DenialCode, deny } from '../core/denial.ts';
import type { KeyRestrictions } from '../core/key.ts';
import type { Places } from '../core/places.ts';

/** A kind of restriction: one file with this shape, and one line in restrictions/index.ts. */
export interface RestrictionKind {
  readonly name: keyof KeyRestrictions;
  /**
   * What is wrong with the written form, as sentences `field: message` that name the value and what was expected; of a
   * list the field names the entry, `ip_restrictions[1]`. Empty when it is fine. Creating and updating a key refuse what
   * this lists.
   */
  faults(restrictions: KeyRestrictions): readonly string[];
  /**
   * Parses the written form into something that answers in well under a microsecond; null when there is nothing to
   * restrict. A stored form that cannot be parsed becomes a restriction that denies.
   *
   * @param places asked for each request, so that what it knows may change
   */
  compile(restrictions: KeyRestrictions, places: Places): CompiledRestriction | null;
  /** Why a restriction that is written well refuses every request on a gateway that knows these places; null when not. */
  warning?(restrictions: KeyRestrictions, places: Places): string | null;
}

/**
 * A stored restriction that this version cannot read (a newer one wrote it, or it was damaged) denies every request:
 * to pass would lift a restriction that somebody set.
 */
export function denyUnreadable(code: DenialCode): CompiledRestriction {
  const denial = deny(code, 'A restriction on this key cannot be read by this gateway.');
  return () => denial;
}
