import type { Config } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import type { Store } from '../core/ports.ts';
import { UNLIMITED } from '../keys/actor.ts';
import { createSecretHasher } from '../keys/hasher.ts';
import type { KeySettings } from '../keys/key-writer.ts';
import { createSealer, type Sealer } from '../keys/sealing.ts';
import { KeyService } from '../keys/service.ts';
import { auditMethods } from './admin/audit.ts';
import { bulkChange } from './admin/bulk.ts';
import { catalogueMethods } from './admin/catalogue.ts';
import type { AdminContext } from './admin/context.ts';
import { type DecidingRules, decidingRules, type PlacesProvider } from './admin/deciding-rules.ts';
import { explainRequest } from './admin/explain.ts';
import { keyMethods } from './admin/keys.ts';
import { listKeys } from './admin/listing.ts';
import { logMethods } from './admin/logs.ts';
import { roleMethods } from './admin/roles.ts';
import { usageMethods } from './admin/usage.ts';
import type { Caller } from './caller.ts';
import type { ManagementClient } from './client.ts';
import { reachOf } from './reach.ts';

export interface AdministrationOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly config: Config;
  /** What is known of addresses, for explanations. */
  readonly places: PlacesProvider;
  /** Mixed into the seal of secrets that callers may ask for again. Gateways that share a store share it. */
  readonly claimSalt: Uint8Array;
  /** Has a gateway in this process act on what was changed just now; absent: there is none. */
  readonly onChange?: () => Promise<void>;
}

/** Everything that can be managed, on the store. */
export class Administration {
  readonly #options: AdministrationOptions;
  readonly #keys: KeyService;
  #config: Config;
  #rules: () => Promise<DecidingRules>;
  #settings: KeySettings;
  readonly #sealer: Sealer | null;

  constructor(options: AdministrationOptions) {
    const { clock, config, store } = options;
    this.#options = options;
    this.#config = config;
    this.#rules = decidingRules(config, options.places);
    const under = config.keys.recoverableUnder;
    this.#sealer = under === null ? null : createSealer(under);
    this.#settings = keySettings(config, this.#sealer);
    this.#keys = new KeyService({
      store,
      clock,
      hasher: createSecretHasher(config.keys.peppers),
      settings: () => this.#settings,
      // Nobody acts as this one: each caller gets a service of its own.
      actor: { subject: 'latchkey', from: '', requestId: null, reach: UNLIMITED },
    });
  }

  /** Takes over another configuration. */
  reload(config: Config): void {
    this.#config = config;
    this.#rules = decidingRules(config, this.#options.places);
    this.#settings = keySettings(config, this.#sealer);
  }

  /** The life of keys, as far as a caller may lead it. */
  keysFor(caller: Caller): KeyService {
    const reach = reachOf(caller, this.#config.management.selfServicePermissions);
    const { subject, from, requestId } = caller;
    return this.#keys.as({ subject, from, requestId, reach });
  }

  /** Everything, as far as a caller may do it. */
  as(caller: Caller): ManagementClient {
    const { clock, claimSalt, store, onChange = noGateway } = this.#options;
    const context: AdminContext = {
      caller,
      keys: this.keysFor(caller),
      store,
      clock,
      config: this.#config,
      rules: this.#rules,
      claimSalt,
      onChange,
    };
    return {
      ...keyMethods(context),
      listKeys: (query) => listKeys(query, context),
      bulkChange: (body) => bulkChange(body, context),
      ...usageMethods(context),
      ...logMethods(context),
      explain: (body) => explainRequest(body, context),
      ...catalogueMethods(context),
      ...roleMethods(context),
      ...auditMethods(context),
    };
  }
}

async function noGateway(): Promise<void> {}

function keySettings(config: Config, sealer: Sealer | null): KeySettings {
  const { prefix, rotationGraceMs } = config.keys;
  return {
    catalogue: {
      tiers: config.tiers,
      presets: config.presets,
      keyTypes: config.keyTypes,
      permissions: Object.keys(config.access.permissions),
    },
    prefix,
    rotationGraceMs,
    sealer,
  };
}
