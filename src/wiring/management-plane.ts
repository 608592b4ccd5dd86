import { hash, randomBytes } from 'node:crypto';
import type { Config } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import type { Places } from '../core/places.ts';
import type { Store } from '../core/ports.ts';
import { Administration } from '../management/administration.ts';
import { answerLog } from '../management/answer-log.ts';
import { createAuthenticator } from '../management/auth/authenticator.ts';
import { signingSecret } from '../management/auth/secret-file.ts';
import { ManagementCounters } from '../management/counters.ts';
import { type Endpoint, mayChange } from '../management/endpoint.ts';
import { managementEndpoints } from '../management/endpoints/index.ts';
import { openApiDocuments } from '../management/openapi/index.ts';
import { createManagementServer, type ManagementServer } from '../management/server.ts';
import type { GatewayLog } from '../observe/logger.ts';
import type { ManagementCounts } from '../observe/metrics.ts';

const SALT_BYTES = 32;

export interface ManagementPlaneOptions {
  readonly config: Config;
  readonly store: Store;
  /** What the gateway knows of addresses, also later. */
  readonly places: Places;
  readonly clock: Clock;
  readonly log: GatewayLog;
  readonly version: string;
}

/** The management API of a gateway. */
export interface ManagementPlane {
  readonly server: ManagementServer;
  readonly counters: ManagementCounts;
  /** Has this called after each change that was made here, before it is answered. */
  onChange(changed: () => Promise<void>): void;
  reload(config: Config): void;
}

/**
 * null when the configuration wants none.
 * @throws ConfigError when the secret or key that tokens are checked with cannot be used
 */
export async function createManagementPlane(options: ManagementPlaneOptions): Promise<ManagementPlane | null> {
  const { config, store, places, clock, log, version } = options;
  const { jwt, listen, maxBodyBytes } = config.management;
  if (listen === null) return null;
  const authenticate = await createAuthenticator(jwt, clock, {
    onTrouble: (error) => {
      if (error === null) log.logger.info('the keys of management tokens can be read again');
      else log.logger.warn({ err: error }, 'the keys of management tokens cannot be read');
    },
  });
  for (const warning of authenticate.warnings) log.logger.warn(warning);
  let changed = (): Promise<void> => Promise.resolve();
  const administration = new Administration({
    store,
    clock,
    config,
    places: () => ({ places, gaps: [] }),
    claimSalt: claimSalt(config),
    onChange: () => changed(),
  });
  const endpoints = managementEndpoints((caller) => administration.as(caller)).map((endpoint) =>
    mayChange(endpoint) ? telling(endpoint, () => changed()) : endpoint,
  );
  const counters = new ManagementCounters();
  const writeAnswer = answerLog(log.logger);
  const server = createManagementServer({
    listen,
    endpoints,
    authenticate,
    documents: openApiDocuments(endpoints, { version }),
    maxBodyBytes,
    clock,
    onAnswer: (answer) => {
      counters.count(answer);
      writeAnswer(answer);
    },
    onFailure: (error, requestId) =>
      log.logger.error({ err: error, request_id: requestId }, 'a management call failed'),
  });
  return {
    server,
    counters,
    onChange: (listener) => {
      changed = listener;
    },
    reload: (next) => administration.reload(next),
  };
}

/** So that what was changed here holds for the very next request to this gateway; others hear of it within a second. */
function telling(endpoint: Endpoint, changed: () => Promise<void>): Endpoint {
  return {
    ...endpoint,
    handle: async (call) => {
      const reply = await endpoint.handle(call);
      await changed();
      return reply;
    },
  };
}

/**
 * What every gateway of a store knows and the store does not. Where there is no such thing, what this process alone knows:
 * a request that is repeated to another one is told to rotate the key.
 */
function claimSalt({ keys, management }: Config): Buffer {
  const { source } = management.jwt;
  const signing = source.kind === 'secret_file' ? [signingSecret(source.path).secret.toString('base64')] : [];
  const known = [...signing, ...keys.peppers.map(({ secret }) => secret)];
  return known.length === 0 ? randomBytes(SALT_BYTES) : hash('sha256', JSON.stringify(known), 'buffer');
}
