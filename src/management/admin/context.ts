import type { Config } from '../../config/config.ts';
import type { Clock } from '../../core/clock.ts';
import type { Store } from '../../core/ports.ts';
import type { KeyService } from '../../keys/service.ts';
import type { Caller } from '../caller.ts';

/** What the parts of the administration work with, for one caller. */
export interface AdminContext {
  readonly caller: Caller;
  /** Acts for the caller, and no further than it may. */
  readonly keys: KeyService;
  readonly store: Store;
  readonly clock: Clock;
  /** The configuration in force. */
  readonly config: Config;
  /** Mixed into the seal of secrets that a caller may ask for again; not in the store. */
  readonly claimSalt: Uint8Array;
}
