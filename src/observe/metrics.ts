import {
  AggregatorRegistry,
  Counter,
  collectDefaultMetrics,
  Gauge,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from 'prom-client';
import type { PlacesStatus } from '../core/places.ts';
import { CountedHistogram } from './counted-histogram.ts';
import { addLimits, type LimitSources } from './limit-metrics.ts';
import { addCounter, addGauge, addLabelled, counts } from './metric-kinds.ts';
import { addPlaces } from './places-metrics.ts';
import { NONE, type TrafficCounters } from './traffic.ts';

/** Where the numbers come from that others count. Each is asked at every scrape, and must only read. */
export interface MetricsSources extends LimitSources {
  /** Version of Latchkey. */
  readonly version: string;
  readonly requestsInFlight: () => number;
  readonly websocketConnections: () => number;
  readonly keyCacheHits: () => number;
  readonly keyCacheMisses: () => number;
  readonly keyCacheEntries: () => number;
  readonly storeUp: () => boolean;
  readonly storeErrors: () => number;
  /** Requests that the reader of plain requests dealt with, and connections that it handed over. */
  readonly requestsServedFast: () => number;
  readonly connectionsHandedOver: () => number;
  /** Records that the store gave and that were not used, because it had newer ones of these keys before. */
  readonly olderRecords: () => number;
  readonly logLinesDropped: () => number;
  readonly usageDropped: () => number;
  readonly requestLogDropped: () => number;
  /** Mistakes of Latchkey's own that nobody else is told of. */
  readonly internalErrors: () => number;
  /** null: somebody else counts them. */
  readonly configReloads: (() => ReloadCounts) | null;
  readonly places: () => PlacesStatus;
}

/** Configurations that were taken over, and those that could not be. */
export interface ReloadCounts {
  readonly success: number;
  readonly failure: number;
}

/** What the management API counted. Read at every scrape; labels that are few. */
export interface ManagementCounts {
  /** Each operation and status that occurred; null: no operation, 0: no status was sent. */
  requests(): Iterable<{ readonly operation: string | null; readonly status: number; readonly count: number }>;
  /** By code. */
  readonly denials: Readonly<Record<string, { readonly n: number }>>;
  /** Tokens that were not believed, by reason. */
  readonly rejectedTokens: Readonly<Record<string, { readonly n: number }>>;
}

/** What one process counted, in a form that can be sent to another. */
export type MetricsSnapshot = readonly MetricObjectWithValues<MetricValue<string>>[];

export interface Metrics {
  readonly contentType: string;
  /** The text that Prometheus scrapes. */
  render(): Promise<string>;
  snapshot(): Promise<MetricsSnapshot>;
}

/** Gauges of prom-client's own that Prometheus' naming rules forbid (`_total` is for counters); others say the same. */
const MISNAMED = ['nodejs_active_resources_total', 'nodejs_active_handles_total', 'nodejs_active_requests_total'];

/**
 * The metrics of this process. Nothing here runs per request: everything is read when it is scraped. No label is a key,
 * a path or an address, so that the number of series is bounded by the configuration.
 *
 * @param management null when there is no management API
 */
export function createMetrics(
  traffic: TrafficCounters,
  sources: MetricsSources,
  management: ManagementCounts | null = null,
): Metrics {
  const registry = new Registry();
  addTraffic(registry, traffic);
  addSources(registry, sources);
  addPlaces(registry, sources.places);
  if (management !== null) addManagement(registry, management);
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  return {
    contentType: registry.contentType,
    render: () => registry.metrics(),
    snapshot: () => registry.getMetricsAsJSON(),
  };
}

/** The sum of what several workers counted, as text for one scrape. */
export function renderTogether(snapshots: readonly MetricsSnapshot[]): Promise<string> {
  return together(snapshots).metrics();
}

/** The sum of what several workers counted, in the form of one snapshot. */
export function addSnapshots(snapshots: readonly MetricsSnapshot[]): Promise<MetricsSnapshot> {
  return together(snapshots).getMetricsAsJSON();
}

function together(snapshots: readonly MetricsSnapshot[]): Registry {
  return AggregatorRegistry.aggregate(snapshots.map((snapshot) => [...snapshot]));
}

function addTraffic(registry: Registry, traffic: TrafficCounters): void {
  new Counter({
    name: 'latchkey_http_requests_total',
    help: 'Requests by the route that they matched, method, and status of the answer ("none" when none was sent).',
    labelNames: ['route', 'method', 'code'],
    registers: [registry],
    collect() {
      this.reset();
      for (const counted of traffic.routes) {
        for (const { method, status, count } of counted.requests()) {
          this.inc({ route: counted.route, method, code: status === 0 ? NONE : String(status) }, count);
        }
      }
    },
  });
  new CountedHistogram({
    name: 'latchkey_http_request_duration_seconds',
    help: 'From the head of the request to the end of the answer, by route.',
    labelNames: ['route'],
    registry,
    read: () => Array.from(traffic.routes, ({ route, durations }) => ({ labels: { route }, durations })),
  });
  new CountedHistogram({
    name: 'latchkey_upstream_duration_seconds',
    help: "From the dispatch of a request to the head of the upstream's answer.",
    labelNames: [],
    registry,
    read: () => [{ labels: {}, durations: traffic.upstreamDurations }],
  });
  const denials = 'Requests that the gateway answered itself: denials, and failures to get an answer, by code.';
  addLabelled(registry, 'latchkey_denials_total', denials, 'code', () => counts(traffic.denials));
  const wouldDeny = 'Requests that a restriction or limit in shadow would have denied, by code.';
  addLabelled(registry, 'latchkey_would_deny_total', wouldDeny, 'code', () => counts(traffic.wouldDeny));
  const aborted = 'Answers cut short after their head was sent, by who ended them.';
  addLabelled(registry, 'latchkey_http_responses_aborted_total', aborted, 'by', () => counts(traffic.aborted));
}

function addSources(registry: Registry, from: MetricsSources): void {
  const counter = (name: string, help: string, read: () => number): void => addCounter(registry, name, help, read);
  const gauge = (name: string, help: string, read: () => number): void => addGauge(registry, name, help, read);
  gauge('latchkey_requests_in_flight', 'Requests that have not been answered in full yet.', from.requestsInFlight);
  gauge('latchkey_websocket_connections', 'WebSocket connections that are open.', from.websocketConnections);
  counter(
    'latchkey_fast_requests_total',
    'Requests in the plain form that were served without node:http.',
    from.requestsServedFast,
  );
  counter(
    'latchkey_fast_handovers_total',
    'Connections that were given to node:http, since a request on them was in another form.',
    from.connectionsHandedOver,
  );
  counter('latchkey_key_cache_hits_total', 'Keys that were found in memory.', from.keyCacheHits);
  counter('latchkey_key_cache_misses_total', 'Keys for which the store had to be asked.', from.keyCacheMisses);
  gauge('latchkey_key_cache_entries', 'Keys that are held in memory.', from.keyCacheEntries);
  addGauge(registry, 'latchkey_store_up', 'Whether the store answers: 1 or 0.', () => Number(from.storeUp()), 'min');
  counter('latchkey_store_errors_total', 'Questions to the store that failed.', from.storeErrors);
  counter(
    'latchkey_older_records_total',
    'Records of keys that the store gave although it had newer ones before.',
    from.olderRecords,
  );
  addLimits(registry, from);
  counter('latchkey_log_lines_dropped_total', 'Log lines dropped because nobody read them.', from.logLinesDropped);
  counter(
    'latchkey_usage_dropped_total',
    'Requests missing from the usage of keys, because the store took nothing for too long.',
    from.usageDropped,
  );
  counter(
    'latchkey_request_log_dropped_total',
    'Requests missing from the logs of keys, because there were too many at once or the store did not take them.',
    from.requestLogDropped,
  );
  counter('latchkey_internal_errors_total', 'Mistakes of Latchkey itself; please report them.', from.internalErrors);
  if (from.configReloads !== null) addReloads(registry, from.configReloads);
  new Gauge({
    name: 'latchkey_build_info',
    help: 'Versions of Latchkey and of Node; the value is always 1.',
    labelNames: ['version', 'node'],
    registers: [registry],
    aggregator: 'first',
  }).set({ version: from.version, node: process.versions.node }, 1);
}

/** @param read how many there were until now */
export function addReloads(registry: Registry, read: () => ReloadCounts): void {
  addLabelled(registry, 'latchkey_config_reloads_total', 'Reloads of the configuration.', 'result', () =>
    Object.entries(read()),
  );
}

function addManagement(registry: Registry, management: ManagementCounts): void {
  new Counter({
    name: 'latchkey_management_requests_total',
    help: 'Calls of the management API by operation ("none" when there is none) and status ("none" when none was sent).',
    labelNames: ['operation', 'status'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { operation, status, count } of management.requests()) {
        this.inc({ operation: operation ?? NONE, status: status === 0 ? NONE : String(status) }, count);
      }
    },
  });
  const denials = 'Calls of the management API that failed, by code.';
  addLabelled(registry, 'latchkey_management_denials_total', denials, 'code', () => counts(management.denials));
  const tokens = 'Management tokens that were not believed, by reason.';
  addLabelled(registry, 'latchkey_management_tokens_rejected_total', tokens, 'reason', () =>
    counts(management.rejectedTokens),
  );
}
