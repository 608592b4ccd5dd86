import type { Clock } from '../core/clock.ts';
import type { Store } from '../core/ports.ts';
import { openRedisStore } from './redis/index.ts';
import { openSqliteStore } from './sqlite/index.ts';

/** Where the store is. */
export type StoreSettings =
  | { readonly kind: 'sqlite'; readonly path: string; readonly timeoutMs: number }
  | { readonly kind: 'redis'; readonly url: string; readonly timeoutMs: number };

/**
 * Opens the configured store. A further adapter is its folder and one line here.
 *
 * @param clock the machine's clock, for the stores that live on this machine; Redis uses its server's
 * @throws StoreError when it cannot be opened, with a message that names where it is and never a password
 */
export function openStore(settings: StoreSettings, clock: Clock): Promise<Store> {
  switch (settings.kind) {
    case 'sqlite':
      return openSqliteStore({ path: settings.path, timeoutMs: settings.timeoutMs, clock });
    case 'redis':
      return openRedisStore({ url: settings.url, timeoutMs: settings.timeoutMs });
  }
}
