import type { Config } from '../config/config.ts';
import type { FailureThrottle, Gate } from '../core/gate.ts';
import type { Places } from '../core/places.ts';
import { type Store, StoreError } from '../core/ports.ts';
import { NO_ROLES, type RolePermissions, rolePermissions } from '../core/role.ts';
import type { OlderRecord } from '../keys/changed-keys.ts';
import { KeyDirectory } from '../keys/directory.ts';
import { createSecretHasher } from '../keys/hasher.ts';
import type { KeyLoader } from '../keys/key-cache.ts';
import { loadKey } from '../keys/loader.ts';
import { createFailureThrottle } from '../limits/failure-throttle.ts';
import { LedgerLimiter } from '../limits/limiter.ts';
import type { GatewayLog } from '../observe/logger.ts';
import { compileGlobal } from '../restrictions/global.ts';
import { elapsed, systemClock } from './clock.ts';

/** A store that went back in time is told of once in so long; how often it happens is in the metrics. */
const OLDER_LOG_MS = 60_000;

export interface GateKeeperOptions {
  readonly config: Config;
  readonly store: Store;
  readonly places: Places;
  readonly logger: GatewayLog['logger'];
  /** Told up to which change nothing is used from memory that was changed. */
  readonly onApplied: (cursor: string) => void;
}

/** All that the checks ask, over the store; what a reload changes of it, changes for the requests that come from then on. */
export class GateKeeper implements Gate {
  readonly clock = systemClock;
  readonly keys: KeyDirectory;
  readonly limiter: LedgerLimiter;
  readonly failures: FailureThrottle;
  restrictions: Gate['restrictions'];
  readonly #store: Store;
  readonly #places: Places;
  readonly #logger: GatewayLog['logger'];
  #config: Config;
  #roles: RolePermissions = NO_ROLES;
  #toldOfOlderAt = Number.NEGATIVE_INFINITY;

  constructor({ config, store, places, logger, onApplied }: GateKeeperOptions) {
    this.#config = config;
    this.#store = store;
    this.#places = places;
    this.#logger = logger;
    const hasher = createSecretHasher(config.keys.peppers);
    const { gateways } = store;
    const options = {
      ...config.cache,
      refusals: () => gateways.refusals,
      hasForgotten: (cursor: string) => gateways.hasForgotten(cursor),
      onRolesChanged: () => this.#readRoles(),
      onApplied,
      onOlder: (older: OlderRecord) => this.#tellOfOlder(older),
    };
    this.keys = new KeyDirectory(store.keys, hasher, this.#loader(), { now: elapsed }, options);
    this.limiter = new LedgerLimiter(store.limits, systemClock, config.cache.maxKeys, elapsed);
    this.failures = createFailureThrottle(config.failures);
    this.restrictions = compileGlobal(config.restrictions, places);
  }

  async start(): Promise<void> {
    this.limiter.start();
    await this.keys.start();
  }

  /** Call it when no request can follow. */
  async stop(): Promise<void> {
    this.keys.stop();
    await this.limiter.close();
  }

  reload(config: Config): void {
    this.#config = config;
    this.keys.reload(this.#loader());
    this.restrictions = compileGlobal(config.restrictions, this.#places);
  }

  /** Each request of such a key would say it again. */
  #tellOfOlder(older: OlderRecord): void {
    const now = elapsed();
    if (now - this.#toldOfOlderAt < OLDER_LOG_MS) return;
    this.#toldOfOlderAt = now;
    this.#logger.error(older, 'the store gives an older record of a key than before; what was seen of the key holds');
  }

  /** How keys are parsed now. */
  #loader(): KeyLoader {
    const { tiers, presets, restrictions } = this.#config;
    const settings = { tiers, presets, roles: this.#roles, shadow: restrictions.shadow };
    return (record) => loadKey(record, settings, this.#places);
  }

  /** One damaged role must not look like a store that is down: the roles stay as they were, and keys work. */
  async #readRoles(): Promise<void> {
    try {
      this.#roles = rolePermissions(await this.#store.roles.list());
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'STORE_CORRUPT') throw error;
      this.#logger.error({ err: error }, 'the roles cannot be understood and stay as they were');
    }
    this.keys.reload(this.#loader());
  }
}
