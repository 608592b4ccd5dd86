import { Counter, type Registry } from 'prom-client';
import type { PlacesStatus } from '../core/places.ts';
import { addMaybeGauge } from './metric-kinds.ts';

/** How it stands with what says where addresses are. What is not configured has no samples, nor an age what is not loaded. */
export function addPlaces(registry: Registry, read: () => PlacesStatus): void {
  addMaybeGauge(
    registry,
    'latchkey_country_database_age_seconds',
    'Since the country database in use was built, or its file written.',
    () => read().country?.loaded?.ageSeconds,
    'max',
  );
  addMaybeGauge(
    registry,
    'latchkey_tor_list_age_seconds',
    "Since the list of Tor's exits in use was fetched, or its file written.",
    () => read().tor?.loaded?.ageSeconds,
    'max',
  );
  addMaybeGauge(
    registry,
    'latchkey_tor_list_addresses',
    "Addresses on the list of Tor's exits in use; 0 while there is none.",
    () => {
      const { tor } = read();
      return tor === null ? undefined : (tor.loaded?.addresses ?? 0);
    },
    'min',
  );
  new Counter({
    name: 'latchkey_places_updates_total',
    help: "Attempts to bring the country database and the list of Tor's exits up to date, by what came of them.",
    labelNames: ['source', 'result'],
    registers: [registry],
    collect() {
      this.reset();
      const { country, tor } = read();
      for (const [source, status] of [
        ['country', country],
        ['tor', tor],
      ] as const) {
        if (status === null) continue;
        const { success, unchanged, failure } = status.updates;
        this.inc({ source, result: 'success' }, success);
        this.inc({ source, result: 'unchanged' }, unchanged);
        this.inc({ source, result: 'failure' }, failure);
      }
    },
  });
}
