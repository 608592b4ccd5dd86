import type { Config } from '../../config/config.ts';
import type { KeyRecord } from '../../core/key.ts';
import { NO_PLACES } from '../../core/places.ts';
import type { KeyCatalogue } from '../../keys/key-input.ts';
import { effectivePermissions } from '../../keys/loader.ts';
import { explainPlaces } from '../../restrictions/index.ts';

/** What about a key will probably not work as it was meant. */
export function warningsOf(record: KeyRecord, catalogue: KeyCatalogue, config: Config): string[] {
  const { places, access } = config;
  const known = {
    ...NO_PLACES,
    knowsCountries: places.countryDatabase !== null,
    knowsTor: places.torList !== null,
  };
  const warnings = explainPlaces(
    record.restrictions,
    known,
    new Set([...config.restrictions.shadow, ...record.shadow]),
  );
  if (effectivePermissions(record, catalogue).length === 0 && access.anyKey.length === 0) {
    warnings.push('permissions: there are none, and no route is open to any key, so this key opens nothing');
  }
  return warnings;
}
