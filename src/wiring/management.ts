import { hostname, userInfo } from 'node:os';
import type { Config } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import type { Store } from '../core/ports.ts';
import type { KeyService } from '../keys/service.ts';
import { Administration } from '../management/administration.ts';
import { localCaller } from '../management/caller.ts';
import type { ManagementClient } from '../management/client.ts';
import { openStore } from '../stores/open.ts';
import { systemClock } from './clock.ts';
import { openLocalPlaces } from './local-places.ts';

/** All that is needed to manage keys, for whoever can write to the store. */
export interface Management {
  /** Everything that can be managed, in the shapes of the API. */
  readonly client: ManagementClient;
  /** The life of keys, below those shapes. */
  readonly keys: KeyService;
  readonly store: Store;
  readonly clock: Clock;
  close(): Promise<void>;
}

/**
 * Opens the store to manage keys in it. What is done is told of as done by the user who runs this.
 *
 * @throws StoreError when it cannot be opened
 */
export async function openManagement(config: Config): Promise<Management> {
  const store = await openStore(config.store, systemClock);
  // Nobody asks here for what was done before: each run of the command line is a request of its own.
  const claimSalt = Buffer.alloc(0);
  const administration = new Administration({
    store,
    clock: systemClock,
    config,
    places: () => openLocalPlaces(config.places),
    claimSalt,
  });
  const caller = localCaller(userName(), hostname());
  return {
    client: administration.as(caller),
    keys: administration.keysFor(caller),
    store,
    clock: systemClock,
    close: () => store.close(),
  };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // In a container the user may have a number and no name.
    return String(process.getuid?.() ?? 'unknown');
  }
}
