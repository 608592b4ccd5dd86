import type { Config, ListenAddress } from '../config/config.ts';
import { asStarted, restartOnly } from '../config/restart.ts';
import { createHealthServer, type HealthServer } from '../observe/health-server.ts';
import type { GatewayLog } from '../observe/logger.ts';
import type { MetricsSnapshot } from '../observe/metrics.ts';
import type { Conditions } from '../observe/readiness.ts';
import { mustBeFree } from './free-address.ts';
import type { OutputStyle, WorkerAddresses } from './messages.ts';
import { TogetherMetrics } from './metrics.ts';
import { together, type WorkerConditions } from './readiness.ts';
import { Slot } from './slot.ts';
import { WorkerProcess } from './worker-process.ts';

/** The management API listens in this one. */
const FIRST = 1;
/** Workers that start at the same time, after the first. */
const STARTING = 4;
/** How long a worker may take to say how it is. */
const CONDITIONS_MS = 800;
/** How often workers are asked for a sign of life. */
const PING_MS = 5_000;
/** For what a worker still does when its requests have ended or were cut: writing what waits to be written. */
const ENDING_MS = 15_000;

export interface WorkersOptions {
  readonly workers: number;
  readonly log: GatewayLog;
  readonly version: string;
  readonly output: OutputStyle;
  /** Milliseconds between two signs of life; 5000 when absent. */
  readonly pingMs?: number;
}

/** A gateway of several processes. */
export interface RunningWorkers {
  readonly proxyAddress: ListenAddress;
  readonly healthAddress: ListenAddress;
  /** null: there is no management listener. */
  readonly managementAddress: ListenAddress | null;
  /** The processes that serve now, by the number of the worker. */
  readonly pids: ReadonlyMap<number, number>;
  /** Lets the workers write to the log. Until then it waits, so that others can speak first. */
  speak(): void;
  /** Has every worker take over another configuration. Returns the settings that changed and that only a restart brings in. */
  reload(config: Config): Promise<readonly string[]>;
  /** Counts a configuration that could not be taken over. */
  reloadFailed(): void;
  /** Has all workers drain at the same time, and resolves when they have ended. */
  stop(): Promise<void>;
}

/**
 * Starts everything, or nothing.
 * @throws what startServer throws; a WorkerLost when a worker dies again and again before it serves
 */
export async function startWorkers(config: Config, options: WorkersOptions): Promise<RunningWorkers> {
  const supervisor = new Supervisor(config, options);
  try {
    await supervisor.start();
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
  return supervisor;
}

/** Starts workers, keeps them alive and speaks for them; no request passes through it. */
class Supervisor implements RunningWorkers {
  /** The configuration that new workers begin with, and those that there are have. */
  #config: Config;
  /** As it was asked for last. */
  #wanted: Config;
  #hasStarted = false;
  #isDraining = false;
  #isHeld = true;
  #pings: NodeJS.Timeout | null = null;
  readonly #options: WorkersOptions;
  readonly #slots: readonly Slot[];
  readonly #health: HealthServer;
  readonly #metrics: TogetherMetrics;
  readonly #reloads = { success: 0, failure: 0 };

  constructor(config: Config, options: WorkersOptions) {
    this.#config = config;
    this.#wanted = config;
    this.#options = options;
    this.#slots = Array.from({ length: options.workers }, (_, i) => this.#slot(i + FIRST));
    this.#metrics = new TogetherMetrics({
      workers: options.workers,
      serving: () => this.#slots.filter(({ serving }) => serving !== null).length,
      restarts: () => this.#slots.reduce((sum, { restarts }) => sum + restarts, 0),
      configReloads: () => this.#reloads,
      ask: (timeoutMs, told) => this.#askSnapshots(timeoutMs, told),
    });
    const ready = (): Promise<Conditions> => this.#conditions();
    this.#health = createHealthServer({ listen: config.health.listen, ready, metrics: this.#metrics });
  }

  get proxyAddress(): ListenAddress {
    return this.#config.proxy.listen;
  }

  get managementAddress(): ListenAddress | null {
    return this.#config.management.listen;
  }

  get healthAddress(): ListenAddress {
    const { address } = this.#health;
    if (address === null) throw new Error('the server does not listen');
    return address;
  }

  get pids(): ReadonlyMap<number, number> {
    return new Map(this.#slots.flatMap(({ worker, pid }) => (pid === undefined ? [] : [[worker, pid] as const])));
  }

  async start(): Promise<void> {
    process.on('exit', this.#killAll);
    await this.#health.listen();
    await mustBeFree(this.#config.proxy.listen);
    const [first, ...rest] = this.#slots;
    // It brings the store up to date, and where the system is to choose ports it learns which.
    const addresses = await first?.start();
    if (addresses === undefined) throw new Error('expected at least one worker');
    this.#settle(addresses);
    while (rest.length > 0) await Promise.all(rest.splice(0, STARTING).map((slot) => slot.start()));
    this.#hasStarted = true;
    const pingMs = this.#options.pingMs ?? PING_MS;
    this.#pings = setInterval(() => {
      for (const slot of this.#slots) void slot.check(pingMs);
    }, pingMs);
  }

  speak(): void {
    this.#isHeld = false;
    for (const slot of this.#slots) slot.speak();
  }

  async reload(config: Config): Promise<readonly string[]> {
    const left = restartOnly(this.#wanted, config);
    this.#wanted = config;
    this.#config = asStarted(this.#config, config);
    this.#options.log.logger.level = config.log.level;
    await Promise.all(this.#slots.map((slot) => slot.reload(this.#configOf(slot.worker))));
    this.#reloads.success++;
    return left;
  }

  reloadFailed(): void {
    this.#reloads.failure++;
  }

  async stop(): Promise<void> {
    this.#isDraining = true;
    if (this.#pings !== null) clearInterval(this.#pings);
    const { drainDelayMs, drainTimeoutMs } = this.#config.proxy;
    // Load balancers never saw a gateway that did not start.
    const atOnce = !this.#hasStarted;
    const timeoutMs = drainDelayMs + drainTimeoutMs + ENDING_MS;
    await Promise.all(this.#slots.map((slot) => slot.stop({ atOnce, timeoutMs })));
    await this.#health.close();
    process.off('exit', this.#killAll);
  }

  #slot(worker: number): Slot {
    const launch = (): WorkerProcess => this.#launch(worker);
    return new Slot({ worker, launch, logger: this.#options.log.logger, onEnded: () => this.#metrics.ended(worker) });
  }

  #launch(worker: number): WorkerProcess {
    const { version, output } = this.#options;
    const begunWith = this.#config;
    const launched = new WorkerProcess({
      worker,
      config: this.#configOf(worker),
      version,
      output,
      isHeld: this.#isHeld,
    });
    void this.#bringUp(launched, begunWith);
    return launched;
  }

  /** Tells a worker what came while it started. */
  async #bringUp(launched: WorkerProcess, begunWith: Config): Promise<void> {
    // Of a failure its slot is told.
    await launched.serving.catch(() => undefined);
    if (!launched.isServing) return;
    if (!this.#isHeld) launched.tell({ kind: 'speak' });
    const { worker } = launched;
    if (begunWith !== this.#config) await this.#slots[worker - FIRST]?.reload(this.#configOf(worker));
  }

  #configOf(worker: number): Config {
    const { management } = this.#config;
    return worker === FIRST ? this.#config : { ...this.#config, management: { ...management, listen: null } };
  }

  /** What the system chose once stays, for the workers to come. */
  #settle({ proxy, management }: WorkerAddresses): void {
    this.#config = {
      ...this.#config,
      proxy: { ...this.#config.proxy, listen: proxy },
      management: { ...this.#config.management, listen: management },
    };
  }

  async #conditions(): Promise<Conditions> {
    const answers = await Promise.all(
      this.#slots.map(async ({ worker, serving }): Promise<WorkerConditions | null> => {
        const conditions = await serving?.ask('conditions', CONDITIONS_MS);
        return conditions ? { worker, conditions } : null;
      }),
    );
    return together(
      answers.filter((answer) => answer !== null),
      { workers: this.#slots.length, haveStarted: this.#hasStarted, isDraining: this.#isDraining },
    );
  }

  async #askSnapshots(timeoutMs: number, told: (worker: number, snapshot: MetricsSnapshot) => void): Promise<void> {
    const asked = this.#slots.map(async ({ worker, serving }) => {
      const snapshot = await serving?.ask('snapshot', timeoutMs);
      if (snapshot && serving?.isServing === true) told(worker, snapshot);
    });
    await Promise.all(asked);
  }

  /** However this process ends: those who are left must not serve on with nobody to look after them. */
  readonly #killAll = (): void => {
    for (const slot of this.#slots) slot.kill();
  };
}
