import type { AddressInfo } from 'node:net';
import type { Config, ProxyConfig, UpstreamConfig } from '../../src/config/config.ts';
import { type LoadedKey, noRecentUse, noTexts } from '../../src/core/decision.ts';
import type { Exchange } from '../../src/core/exchange.ts';
import type { FoundKey, Gate } from '../../src/core/gate.ts';
import type { KeyRecord } from '../../src/core/key.ts';
import type { Lease, Limits } from '../../src/core/limits.ts';
import { compilePermissions } from '../../src/core/permission.ts';
import { createGateway, type Gateway, type GatewayOptions } from '../../src/gateway/index.ts';
import { worksUntil } from '../../src/keys/loader.ts';

const LIMITS: Limits = { perHour: 1000, perDay: 10_000, burst: 100 };

/** A gate without a store: it knows the keys that it is given, by their secrets. */
export interface StubGate extends Gate {
  readonly secrets: Map<string, LoadedKey>;
  /** What the next admissions are answered with. */
  lease: Lease;
}

export function record(change: Partial<KeyRecord> = {}): KeyRecord {
  return {
    id: 'key_test',
    name: 'test',
    type: 'service',
    owner: 'team-a',
    description: '',
    metadata: {},
    status: 'active',
    permissions: ['*'],
    preset: null,
    tier: 'personal',
    limits: {},
    roles: [],
    restrictions: {},
    shadow: [],
    secret: { digest: 'sha256:x', hint: 'lk_…test' },
    previous: null,
    sealedSecret: null,
    imported: false,
    createdAt: 0,
    updatedAt: 0,
    rotatedAt: null,
    expiresAt: null,
    revokedAt: null,
    disabledBy: null,
    version: 1,
    ...change,
  };
}

export function loadedKey(change: Partial<KeyRecord> = {}, limits: Limits = LIMITS): LoadedKey {
  const made = record(change);
  return {
    id: made.id,
    type: made.type,
    owner: made.owner,
    worksUntil: worksUntil(made),
    previousWorksUntil: made.previous?.expiresAt ?? Number.NEGATIVE_INFINITY,
    record: made,
    permissions: compilePermissions(made.permissions),
    limits,
    restrictions: [],
    shadowsLimits: false,
    permissionsHeader: made.permissions.join(' '),
    texts: noTexts(),
    recent: noRecentUse(),
  };
}

/** As when 2027-01-15T08:00:00Z was a moment ago. */
export const NOW = Date.UTC(2027, 0, 15, 8, 20, 0);

export function lease(change: Partial<Lease> = {}): Lease {
  return {
    granted: 1,
    refusedBy: null,
    retryAfterMs: 0,
    hourRemaining: 999,
    dayRemaining: 9999,
    burstRemaining: 99,
    burstFullInMs: 3600,
    now: NOW,
    ...change,
  };
}

/** Knows the secret `lk_test`, unless others are given. */
export function stubGate(secrets: Readonly<Record<string, LoadedKey>> = { lk_test: loadedKey() }): StubGate {
  const known = new Map(Object.entries(secrets));
  const found = (secret: string): FoundKey | null => {
    const key = known.get(secret);
    return key === undefined ? null : { key, previousSecret: false };
  };
  const gate: StubGate = {
    secrets: known,
    lease: lease(),
    clock: { now: () => NOW },
    keys: { peek: found, find: found, lastAddress: () => null },
    failures: { blockedFor: () => 0, record: () => undefined },
    limiter: { admit: () => gate.lease },
    restrictions: [],
  };
  return gate;
}

export const PROXY: ProxyConfig = {
  listen: { host: '127.0.0.1', port: 0 },
  trustedProxies: [],
  believedHeaders: ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host'],
  proxyProtocolFrom: [],
  front: 'auto',
  realm: 'test',
  allowPathParameters: false,
  allowOverrideHeaders: [],
  maxConnections: 1000,
  maxHeaderBytes: 16 * 1024,
  maxHeaders: 100,
  maxTargetBytes: 4096,
  maxBodyBytes: 2 ** 31,
  maxRequestsInFlight: 1000,
  headTimeoutMs: 5000,
  bodyIdleTimeoutMs: 5000,
  keepAliveTimeoutMs: 5000,
  drainDelayMs: 0,
  drainTimeoutMs: 2000,
  websocket: { idleTimeoutMs: 60_000, maxConnectionsPerKey: 10 },
};

export const UPSTREAM: UpstreamConfig = {
  url: 'http://127.0.0.1:1',
  hosts: [],
  paths: [],
  authorization: null,
  preserveHost: false,
  maxConnections: 50,
  maxQueued: 50,
  connectTimeoutMs: 2000,
  headTimeoutMs: 5000,
  bodyIdleTimeoutMs: 5000,
  totalTimeoutMs: 0,
  keepAliveTimeoutMs: 5000,
  maxHeaderBytes: 16 * 1024,
};

export const NO_GLOBAL_RESTRICTIONS: Config['restrictions'] = {
  ip: { allow: [], deny: [], isShadow: false },
  country: { block: [], blockUnknown: false, isShadow: false },
  tor: { block: false, isShadow: false },
  shadow: [],
};

/** A whole configuration, of which a test names what it is about. */
export function config(
  proxy: Partial<ProxyConfig> = {},
  upstreams: readonly Partial<UpstreamConfig>[] = [{}],
  access: Partial<Config['access']> = {},
): Config {
  return {
    file: null,
    proxy: { ...PROXY, ...proxy },
    management: {
      listen: null,
      jwt: { issuer: 'latchkey', audience: 'latchkey', source: { kind: 'secret_file', path: '/nowhere' } },
      maxBodyBytes: 1024,
      selfServicePermissions: [],
      selfServiceMaxKeys: 100,
    },
    health: { listen: { host: '127.0.0.1', port: 0 }, storeGraceMs: 1000 },
    store: { kind: 'sqlite', path: ':memory:', timeoutMs: 100 },
    cache: { maxKeys: 1000, maxUnknown: 1000, ttlMs: 1000, unknownTtlMs: 1000, maxStaleMs: 1000 },
    keys: { prefix: 'lk', peppers: [], rotationGraceMs: 0, recoverableUnder: null },
    upstreams: upstreams.map((upstream) => ({ ...UPSTREAM, ...upstream })),
    access: { public: ['* /public/*'], anyKey: ['* /*'], permissions: {}, ...access },
    presets: {},
    tiers: { personal: LIMITS },
    keyTypes: {},
    places: { countryDatabase: null, torList: null },
    restrictions: NO_GLOBAL_RESTRICTIONS,
    retention: { usageMs: 86_400_000, auditMs: null },
    failures: { burst: 10, perMinute: 10, maxAddresses: 100 },
    log: { level: 'silent', format: 'json', requests: false },
  };
}

export interface RunningGateway {
  readonly gateway: Gateway;
  readonly address: AddressInfo;
  readonly port: number;
  readonly gate: StubGate;
  /** What was reported, in order. */
  readonly exchanges: Exchange[];
  /** Resolves when as many exchanges were reported. */
  reported(count: number): Promise<readonly Exchange[]>;
}

/** Starts a gateway and closes it with the test. */
export async function startGateway(
  t: { teardown(handler: () => Promise<void>): void },
  settings: Config,
  options: Partial<GatewayOptions> & { gate?: StubGate } = {},
): Promise<RunningGateway> {
  const exchanges: Exchange[] = [];
  const waiting: { count: number; resolve: (exchanges: readonly Exchange[]) => void }[] = [];
  const gate = options.gate ?? stubGate();
  const gateway = createGateway({
    config: settings,
    clock: gate.clock,
    onExchange: (exchange) => {
      exchanges.push(exchange);
      for (const waiter of waiting) if (exchanges.length >= waiter.count) waiter.resolve(exchanges);
    },
    ...options,
    gate,
  });
  const address = await gateway.listen();
  t.teardown(() => gateway.close());
  return {
    gateway,
    address,
    port: address.port,
    gate,
    exchanges,
    reported: (count) =>
      exchanges.length >= count
        ? Promise.resolve(exchanges)
        : new Promise((resolve) => {
            waiting.push({ count, resolve });
          }),
  };
}
