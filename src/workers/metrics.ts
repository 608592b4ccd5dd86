import { Gauge, Registry } from 'prom-client';
import { addCounter, addGauge } from '../observe/metric-kinds.ts';
import {
  addReloads,
  addSnapshots,
  type Metrics,
  type MetricsSnapshot,
  type ReloadCounts,
  renderTogether,
} from '../observe/metrics.ts';

/** How long a worker may take to say what it counted; a scrape is given ten seconds by default. */
const SCRAPE_MS = 2_000;

export interface TogetherSources {
  readonly workers: number;
  readonly serving: () => number;
  readonly restarts: () => number;
  readonly configReloads: () => ReloadCounts;
  /** Asks each worker what it counted, and tells of each that says so in time while it is there. */
  readonly ask: (timeoutMs: number, told: (worker: number, snapshot: MetricsSnapshot) => void) => Promise<void>;
}

/**
 * What all workers counted, in one scrape. Counters must never fall, or those who read them take it for a new start and
 * count everything twice: what a worker last told stays when it ends, and stands in when it does not answer.
 */
export class TogetherMetrics implements Pick<Metrics, 'contentType' | 'render'> {
  readonly contentType: string;
  readonly #registry = new Registry();
  readonly #sources: TogetherSources;
  /** What each worker that there is told last; of those that missed the last scrape, without gauges. */
  readonly #told = new Map<number, MetricsSnapshot>();
  /** Of those that ended. */
  #gone: Promise<MetricsSnapshot> = Promise.resolve([]);
  #missing = 0;

  constructor(sources: TogetherSources) {
    this.#sources = sources;
    this.contentType = this.#registry.contentType;
    addOwn(this.#registry, sources, () => this.#missing);
  }

  async render(): Promise<string> {
    const fresh = new Set<number>();
    // At once, not when all have answered: one that ends meanwhile is not to be counted a second time.
    await this.#sources.ask(SCRAPE_MS, (worker, snapshot) => {
      this.#told.set(worker, snapshot);
      fresh.add(worker);
    });
    this.#missing = this.#sources.workers - fresh.size;
    for (const [worker, snapshot] of this.#told) if (!fresh.has(worker)) this.#told.set(worker, counted(snapshot));
    // Taken together, before any of them moves from one to the other.
    const [present, gone] = [[...this.#told.values()], this.#gone];
    return `${await this.#registry.metrics()}\n${await renderTogether([...present, await gone])}`;
  }

  /** To be told of each worker that has ended. */
  ended(worker: number): void {
    const told = counted(this.#told.get(worker) ?? []);
    this.#told.delete(worker);
    const before = this.#gone;
    this.#gone = before.then((gone) => addSnapshots([gone, told]));
  }
}

/** Without what is said of the moment. */
function counted(snapshot: MetricsSnapshot): MetricsSnapshot {
  return snapshot.filter((metric) => String(metric.type) !== 'gauge');
}

function addOwn(registry: Registry, sources: TogetherSources, missing: () => number): void {
  addGauge(registry, 'latchkey_workers', 'Workers that there are to be.', () => sources.workers);
  addGauge(registry, 'latchkey_workers_serving', 'Workers that serve.', sources.serving);
  addGauge(
    registry,
    'latchkey_workers_unscraped',
    'Workers that did not say in time what they counted: their gauges are missing here, their counters are of before.',
    missing,
  );
  addCounter(
    registry,
    'latchkey_worker_restarts_total',
    'Workers that were started in place of one that ended.',
    sources.restarts,
  );
  addReloads(registry, sources.configReloads);
  new Gauge({
    name: 'process_start_time_seconds',
    help: 'Start time of the process since unix epoch in seconds.',
    registers: [registry],
  }).set(Math.round(performance.timeOrigin / 1000));
}
