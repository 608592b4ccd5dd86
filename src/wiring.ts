import type { Config, ListenAddress } from './config/config.ts';
import { restartOnly } from './config/restart.ts';
import type { Clock } from './core/clock.ts';
import type { Exchange } from './core/exchange.ts';
import type { Gate } from './core/gate.ts';
import type { Store } from './core/ports.ts';
import { RouteTable } from './core/route.ts';
import { createGateway, type Gateway } from './gateway/index.ts';
import { createUpgrader, type Upgrader } from './gateway/upgrade.ts';
import { KeyDirectory } from './keys/directory.ts';
import { createSecretHasher } from './keys/hasher.ts';
import type { KeyCatalogue } from './keys/key-input.ts';
import { loadKey } from './keys/loader.ts';
import { KeyService } from './keys/service.ts';
import { createFailureThrottle } from './limits/failure-throttle.ts';
import { LedgerLimiter } from './limits/limiter.ts';
import { createHealthServer, type HealthServer } from './observe/health-server.ts';
import type { GatewayLog } from './observe/logger.ts';
import { createMetrics } from './observe/metrics.ts';
import { createReadiness } from './observe/readiness.ts';
import { createRequestLog } from './observe/request-log.ts';
import { TrafficCounters } from './observe/traffic.ts';
import { UsageRecorder } from './observe/usage-recorder.ts';
import { openStore } from './stores/open.ts';

/** The machine's clock: the only place where it is read. */
const clock: Clock = { now: () => Date.now() };

/** All that is needed to manage keys. */
export interface Management {
  readonly keys: KeyService;
  readonly store: Store;
  readonly catalogue: KeyCatalogue;
  readonly clock: Clock;
  close(): Promise<void>;
}

/**
 * Opens the store to manage keys in it.
 * @throws StoreError when it cannot be opened
 */
export async function openManagement(config: Config): Promise<Management> {
  const store = await openStore(config.store, clock);
  const catalogue: KeyCatalogue = {
    tiers: config.tiers,
    presets: config.presets,
    keyTypes: config.keyTypes,
    permissions: Object.keys(config.access.permissions),
  };
  const keys = new KeyService({
    store: store.keys,
    hasher: createSecretHasher(config.keys.peppers),
    clock,
    catalogue,
    prefix: config.keys.prefix,
    rotationGraceMs: config.keys.rotationGraceMs,
  });
  return { keys, store, catalogue, clock, close: () => store.close() };
}

export interface ServerOptions {
  readonly log: GatewayLog;
  readonly version: string;
}

/** A gateway that serves: proxy, health and metrics, and what works behind them. */
export interface RunningServer {
  readonly proxyAddress: ListenAddress;
  readonly healthAddress: ListenAddress;
  /** Takes over another configuration. Returns the settings that changed and that only a restart brings in. */
  reload(config: Config): readonly string[];
  /** Counts a configuration that could not be taken over. */
  reloadFailed(): void;
  /** Drains, writes what waits to be written, and closes everything. */
  stop(): Promise<void>;
}

/**
 * Starts everything, or nothing: what was opened before something fails is closed again.
 * @throws StoreError when the store cannot be opened, a system error (`EADDRINUSE`, …) when an address cannot be had
 */
export async function startServer(config: Config, options: ServerOptions): Promise<RunningServer> {
  const store = await openStore(config.store, clock);
  const server = new Server(config, options, store);
  try {
    await server.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

class Server implements RunningServer {
  #config: Config;
  /** For those who ask again about a request that was let in before: open WebSockets. */
  #routes: RouteTable;
  #isDraining = false;
  readonly #log: GatewayLog;
  readonly #store: Store;
  readonly #directory: KeyDirectory;
  readonly #usage: UsageRecorder;
  readonly #upgrader: Upgrader;
  readonly #gateway: Gateway;
  readonly #health: HealthServer;
  readonly #traffic = new TrafficCounters();
  readonly #reloads = { success: 0, failure: 0 };

  constructor(config: Config, { log, version }: ServerOptions, store: Store) {
    this.#config = config;
    this.#routes = new RouteTable(config.access);
    this.#log = log;
    this.#store = store;
    const hasher = createSecretHasher(config.keys.peppers);
    this.#directory = new KeyDirectory(store.keys, hasher, loaderFor(config), clock, config.cache);
    const limiter = new LedgerLimiter(store.limits, clock, config.cache.maxKeys);
    const gate: Gate = {
      clock,
      keys: this.#directory,
      failures: createFailureThrottle(config.failures),
      limiter,
    };
    this.#usage = new UsageRecorder({
      store: store.usage,
      onTrouble: (error) => {
        if (error === null) log.logger.info('last uses of keys are written again');
        else log.logger.warn({ err: error }, 'last uses of keys cannot be written for now');
      },
    });
    const onExchange = this.#sinkFor(this.#traffic);
    this.#upgrader = createUpgrader({
      gate,
      clock,
      onExchange,
      maxStaleMs: config.cache.maxStaleMs,
      routes: () => this.#routes,
    });
    this.#gateway = createGateway({ config, gate, clock, onExchange, upgrades: this.#upgrader });
    this.#health = createHealthServer({
      listen: config.health.listen,
      ready: createReadiness({
        clock,
        ping: () => store.ping(),
        isListening: () => this.#gateway.address !== null,
        isDraining: () => this.#isDraining,
        storeGraceMs: config.health.storeGraceMs,
      }),
      metrics: createMetrics(this.#traffic, {
        version,
        requestsInFlight: () => this.#gateway.inFlight,
        websocketConnections: () => this.#upgrader.open,
        keyCacheHits: () => this.#directory.stats.hits,
        keyCacheMisses: () => this.#directory.stats.misses,
        keyCacheEntries: () => this.#directory.stats.entries,
        storeUp: () => this.#directory.stats.storeUp,
        storeErrors: () => this.#directory.stats.storeErrors + limiter.stats.ledgerErrors,
        limitFallbacks: () => limiter.stats.fallbacks,
        logLinesDropped: () => log.dropped(),
        usageDropped: () => this.#usage.dropped,
        configReloads: () => this.#reloads,
      }),
    });
  }

  get proxyAddress(): ListenAddress {
    return addressOf(this.#gateway.address);
  }

  get healthAddress(): ListenAddress {
    return addressOf(this.#health.address);
  }

  async start(): Promise<void> {
    await this.#health.listen();
    await this.#directory.start();
    await this.#gateway.listen();
  }

  reload(config: Config): readonly string[] {
    const left = restartOnly(this.#config, config);
    this.#gateway.reload(config);
    this.#directory.reload(loaderFor(config));
    this.#log.logger.level = config.log.level;
    this.#config = config;
    this.#routes = new RouteTable(config.access);
    this.#traffic.reconfigured(this.#routes.routes.map(({ pattern }) => pattern));
    this.#reloads.success++;
    return left;
  }

  reloadFailed(): void {
    this.#reloads.failure++;
  }

  async stop(): Promise<void> {
    this.#isDraining = true;
    // What never listened has nobody to wait for.
    await (this.#gateway.address === null ? this.#gateway.close() : this.#gateway.drain());
    this.#directory.stop();
    await this.#usage.stop();
    await this.#store.close();
    await this.#health.close();
  }

  /** Each ended exchange goes to the counters, the record of last uses, and the log when it is wanted. */
  #sinkFor(traffic: TrafficCounters): (exchange: Exchange) => void {
    const writeLine = createRequestLog(this.#log);
    return (exchange) => {
      traffic.sink(exchange);
      this.#usage.sink(exchange);
      if (this.#config.log.requests) writeLine(exchange);
    };
  }
}

function loaderFor(config: Config): ConstructorParameters<typeof KeyDirectory>[2] {
  return (record) => loadKey(record, config);
}

function addressOf(
  address: { readonly address?: string; readonly host?: string; readonly port: number } | null,
): ListenAddress {
  if (address === null) throw new Error('the server does not listen');
  return { host: address.address ?? address.host ?? '', port: address.port };
}
