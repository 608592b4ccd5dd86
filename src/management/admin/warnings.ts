import type { Config } from '../../config/config.ts';
import type { KeyRecord } from '../../core/key.ts';
import type { KeyCatalogue } from '../../keys/key-input.ts';
import { effectivePermissions } from '../../keys/loader.ts';

/** What about a key will probably not work as it was meant. */
export function warningsOf(record: KeyRecord, catalogue: KeyCatalogue, { places, access }: Config): string[] {
  const { country_restrictions: countries, block_tor: blocksTor } = record.restrictions;
  const warnings: string[] = [];
  if (countries.length > 0 && places.countryDatabase === null) {
    warnings.push(
      'country_restrictions: no country is known here (country.database is not set), so every request is refused',
    );
  }
  if (blocksTor && places.torList === null) {
    warnings.push('block_tor: no Tor exit is known here (tor.list_file is not set), so every request is refused');
  }
  if (effectivePermissions(record, catalogue).length === 0 && access.anyKey.length === 0) {
    warnings.push('permissions: there are none, and no route is open to any key, so this key opens nothing');
  }
  return warnings;
}
