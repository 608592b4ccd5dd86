import { hostname } from 'node:os';
import type { Config, ListenAddress } from '../config/config.ts';
import { restartOnly } from '../config/restart.ts';
import type { Exchange } from '../core/exchange.ts';
import type { Store } from '../core/ports.ts';
import { RouteTable } from '../core/route.ts';
import { createGateway, type Gateway } from '../gateway/index.ts';
import { failedTellings } from '../gateway/tell.ts';
import { createUpgrader, type Upgrader } from '../gateway/upgrade.ts';
import { createHealthServer, type HealthServer } from '../observe/health-server.ts';
import type { GatewayLog } from '../observe/logger.ts';
import { createMetrics, type Metrics, type MetricsSnapshot, type MetricsSources } from '../observe/metrics.ts';
import { type Conditions, createReadiness } from '../observe/readiness.ts';
import { createRequestLog } from '../observe/request-log.ts';
import { TrafficCounters } from '../observe/traffic.ts';
import type { LivePlaces } from '../places/index.ts';
import { openStore } from '../stores/open.ts';
import { systemClock as clock } from './clock.ts';
import { GateKeeper } from './gate-keeper.ts';
import { createManagementPlane, type ManagementPlane } from './management-plane.ts';
import { openLoggedPlaces } from './places.ts';
import { Presence } from './presence.ts';
import { Recorders } from './recorders.ts';
import type { RunningServer, RunningWorker, ServerOptions } from './running.ts';

/** What is opened before a server can be made. */
interface Opened {
  readonly store: Store;
  readonly places: LivePlaces;
  readonly management: ManagementPlane | null;
}

/**
 * Starts everything, or nothing: what was opened before something fails is closed again.
 * @throws StoreError when the store cannot be opened, ConfigError or PlacesError for a file that cannot be used, a system
 *   error (`EADDRINUSE`, …) when an address cannot be had
 */
export function startServer(config: Config, options: ServerOptions): Promise<RunningServer> {
  return startOne(config, options, false);
}

/**
 * Starts one worker of several: it shares the address of the proxy with the others, and serves no health and metrics.
 * @throws what startServer throws
 */
export function startWorker(config: Config, options: ServerOptions): Promise<RunningWorker> {
  return startOne(config, options, true);
}

async function startOne(config: Config, options: ServerOptions, isWorker: boolean): Promise<Server> {
  const places = await openLoggedPlaces(config.places, options.log.logger);
  const store = await openStore(config.store, clock);
  const management = await createManagementPlane({ config, store, places, clock, ...options }).catch(
    async (error: unknown) => {
      await store.close();
      throw error;
    },
  );
  const server = new Server(config, options, { store, places, management }, isWorker);
  try {
    await server.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

class Server implements RunningServer, RunningWorker {
  #config: Config;
  /** For those who ask again about a request that was let in before: open WebSockets. */
  #routes: RouteTable;
  #isDraining = false;
  readonly #opened: Opened;
  readonly #log: GatewayLog;
  readonly #gate: GateKeeper;
  readonly #presence: Presence;
  readonly #recorders: Recorders;
  readonly #upgrader: Upgrader;
  readonly #gateway: Gateway;
  /** null: another process serves them. */
  readonly #health: HealthServer | null;
  readonly #metrics: Metrics;
  readonly #traffic = new TrafficCounters();
  readonly #reloads = { success: 0, failure: 0 };

  /** Says which conditions are met. */
  readonly conditions: () => Promise<Conditions>;

  constructor(config: Config, { log, version }: ServerOptions, opened: Opened, isWorker: boolean) {
    const { store } = opened;
    this.#config = config;
    this.#routes = new RouteTable(config.access);
    this.#log = log;
    this.#opened = opened;
    const { logger } = log;
    const presence = new Presence({ registry: store.gateways, name: () => this.#name(), logger });
    this.#presence = presence;
    const onApplied = (cursor: string): void => presence.applied(cursor);
    const gate = new GateKeeper({ config, store, places: opened.places, logger, onApplied });
    this.#gate = gate;
    opened.management?.onChange(() => gate.keys.refresh());
    this.#recorders = new Recorders({ store, clock, log, config: () => this.#config });
    const onExchange = this.#sink();
    this.#upgrader = createUpgrader({
      gate,
      clock,
      onExchange,
      maxStaleMs: config.cache.maxStaleMs,
      routes: () => this.#routes,
    });
    this.#gateway = createGateway({ config, gate, clock, onExchange, upgrades: this.#upgrader, sharesPort: isWorker });
    const sources = this.#metricSources(version, isWorker);
    this.#metrics = createMetrics(this.#traffic, sources, opened.management?.counters ?? null);
    this.conditions = this.#readiness();
    const health = { listen: config.health.listen, ready: this.conditions, metrics: this.#metrics };
    this.#health = isWorker ? null : createHealthServer(health);
  }

  get proxyAddress(): ListenAddress {
    return addressOf(this.#gateway.address);
  }

  get healthAddress(): ListenAddress {
    return addressOf(this.#health?.address ?? null);
  }

  get managementAddress(): ListenAddress | null {
    const { management } = this.#opened;
    return management === null ? null : addressOf(management.server.address);
  }

  async start(): Promise<void> {
    await this.#health?.listen();
    this.#opened.places.start();
    await this.#gate.start();
    // Before the first request: whoever is told that every gateway acts on a change must not have missed this one.
    await this.#presence.start();
    await this.#opened.management?.server.listen();
    await this.#gateway.listen();
  }

  reload(config: Config): readonly string[] {
    const left = restartOnly(this.#config, config);
    this.#config = config;
    this.#gateway.reload(config);
    this.#gate.reload(config);
    this.#opened.management?.reload(config);
    this.#log.logger.level = config.log.level;
    this.#routes = new RouteTable(config.access);
    this.#traffic.reconfigured(this.#routes.routes.map(({ pattern }) => pattern));
    this.#reloads.success++;
    return left;
  }

  reloadFailed(): void {
    this.#reloads.failure++;
  }

  async stop(): Promise<void> {
    const { management, places, store } = this.#opened;
    this.#isDraining = true;
    // What never listened has nobody to wait for.
    await Promise.all([
      this.#gateway.address === null ? this.#gateway.close() : this.#gateway.drain(),
      management?.server.close(),
    ]);
    await this.#presence.stop();
    await this.#gate.stop();
    await places.stop();
    await this.#recorders.stop();
    try {
      await store.close();
    } finally {
      await this.#health?.close();
    }
  }

  snapshot(): Promise<MetricsSnapshot> {
    return this.#metrics.snapshot();
  }

  #readiness(): () => Promise<Conditions> {
    const { store, places } = this.#opened;
    return createReadiness({
      clock,
      ping: () => store.ping(),
      isListening: () => this.#gateway.address !== null,
      isDraining: () => this.#isDraining,
      places: () => places.status(),
      storeGraceMs: this.#config.health.storeGraceMs,
    });
  }

  /** What people call this gateway: its machine and the port that clients connect to. */
  #name(): string {
    // Workers share the address.
    return `${hostname()}:${this.#gateway.address?.port ?? this.#config.proxy.listen.port}/${process.pid}`;
  }

  /** Each ended exchange goes to the counters, to those who record it in the store, and to the log when that is wanted. */
  #sink(): (exchange: Exchange) => void {
    const writeLine = createRequestLog(this.#log);
    const [traffic, recorders] = [this.#traffic, this.#recorders];
    return (exchange) => {
      traffic.sink(exchange);
      recorders.sink(exchange);
      if (this.#config.log.requests) writeLine(exchange);
    };
  }

  #metricSources(version: string, isWorker: boolean): MetricsSources {
    const { keys: directory, limiter } = this.#gate;
    return {
      version,
      requestsInFlight: () => this.#gateway.inFlight,
      websocketConnections: () => this.#upgrader.open,
      keyCacheHits: () => directory.stats.hits,
      keyCacheMisses: () => directory.stats.misses,
      keyCacheEntries: () => directory.stats.entries,
      storeUp: () => directory.stats.storeUp,
      storeErrors: () => directory.stats.storeErrors + limiter.stats.ledgerErrors,
      requestsServedFast: () => this.#gateway.servedFast,
      connectionsHandedOver: () => this.#gateway.handedOver,
      olderRecords: () => directory.stats.olderRecords,
      limitFallbacks: () => limiter.stats.fallbacks,
      limitQuestions: () => limiter.stats.asked,
      limitSpentAhead: () => limiter.stats.spentAhead,
      limitLeasesOpen: () => limiter.stats.open,
      logLinesDropped: () => this.#log.dropped(),
      usageDropped: () => this.#recorders.usageDropped,
      requestLogDropped: () => this.#recorders.requestsDropped,
      internalErrors: () => failedTellings(),
      // Told once, not once for each worker.
      configReloads: isWorker ? null : () => this.#reloads,
      places: () => this.#opened.places.status(),
    };
  }
}

function addressOf(
  address: { readonly address?: string; readonly host?: string; readonly port: number } | null,
): ListenAddress {
  if (address === null) throw new Error('the server does not listen');
  return { host: address.address ?? address.host ?? '', port: address.port };
}
