import type { Config } from '../../config/config.ts';
import type { Clock } from '../../core/clock.ts';
import type { Store } from '../../core/ports.ts';
import type { KeyService } from '../../keys/service.ts';
import type { Caller } from '../caller.ts';
import type { DecidingRules } from './deciding-rules.ts';

/** What the parts of the administration work with, for one caller. */
export interface AdminContext {
  readonly caller: Caller;
  /** Acts for the caller, and no further than it may. */
  readonly keys: KeyService;
  readonly store: Store;
  readonly clock: Clock;
  /** The configuration in force. */
  readonly config: Config;
  /** What requests are decided by, by that configuration; @throws PlacesError when places cannot be read */
  readonly rules: () => Promise<DecidingRules>;
  /** Mixed into the seal of secrets that a caller may ask for again; not in the store. */
  readonly claimSalt: Uint8Array;
  /** Has this process act on what was changed just now. */
  readonly onChange: () => Promise<void>;
}
