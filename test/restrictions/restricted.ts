import type { Denial } from '../../src/core/denial.ts';
import type { KeyRestrictions } from '../../src/core/key.ts';
import { NO_PLACES, type Places } from '../../src/core/places.ts';
import type { RequestView } from '../../src/core/request.ts';
import { compileRestrictions } from '../../src/restrictions/compile.ts';

/** What a key so restricted says to a request: the denial of the first restriction that refuses it. */
export function restricted(
  restrictions: KeyRestrictions,
  places: Places = NO_PLACES,
): (request: RequestView) => Denial | null {
  const compiled = compileRestrictions(restrictions, places, new Set());
  return (request) => {
    for (const { test } of compiled) {
      const denial = test(request);
      if (denial !== null) return denial;
    }
    return null;
  };
}
