import type { PlacesConfig } from '../config/config.ts';
import type { PlacesError } from '../core/places.ts';
import type { GatewayLog } from '../observe/logger.ts';
import { systemTimer } from '../observe/repeat.ts';
import { type LivePlaces, openPlaces, type PlacesEvent, placesFaults } from '../places/index.ts';
import { systemClock as clock } from './clock.ts';

/**
 * Places that are kept up to date once they are started, and tell the log of it.
 * @throws PlacesError when a file that is configured cannot be used
 */
export function openLoggedPlaces(config: PlacesConfig, logger: GatewayLog['logger']): Promise<LivePlaces> {
  const onEvent = (event: PlacesEvent): void => {
    if (event.kind === 'updated') {
      logger.info({ setting: event.setting, detail: event.detail }, 'places are up to date');
    } else if (event.kind === 'recovered') {
      logger.info({ setting: event.setting }, 'places can be brought up to date again');
    } else {
      const { code, setting, message } = event.error;
      logger.warn({ setting, code, reason: message }, 'places cannot be brought up to date, what was known serves on');
    }
  };
  return openPlaces(config, { clock, repeat: systemTimer, onEvent });
}

/** What is wrong with the files about places that are configured. Nothing is fetched. */
export function checkPlaces(config: PlacesConfig): Promise<PlacesError[]> {
  return placesFaults(config);
}
