import { readFileSync } from 'node:fs';
import t from 'tap';
import type { PlacesStatus } from '../../src/core/places.ts';
import { ManagementCounters } from '../../src/management/counters.ts';
import { createMetrics, type MetricsSources, renderTogether } from '../../src/observe/metrics.ts';
import { TrafficCounters } from '../../src/observe/traffic.ts';
import { exchange } from './exchange.ts';

function sources(changes: Partial<MetricsSources> = {}): MetricsSources {
  return {
    version: '1.2.3',
    requestsInFlight: () => 4,
    websocketConnections: () => 5,
    keyCacheHits: () => 6,
    keyCacheMisses: () => 7,
    keyCacheEntries: () => 8,
    storeUp: () => true,
    storeErrors: () => 9,
    olderRecords: () => 18,
    requestsServedFast: () => 19,
    connectionsHandedOver: () => 20,
    limitFallbacks: () => 10,
    limitQuestions: () => 15,
    limitSpentAhead: () => 16,
    limitLeasesOpen: () => 17,
    logLinesDropped: () => 11,
    usageDropped: () => 12,
    requestLogDropped: () => 13,
    internalErrors: () => 14,
    configReloads: () => ({ success: 2, failure: 1 }),
    places: () => PLACES,
    ...changes,
  };
}

const PLACES: PlacesStatus = {
  country: {
    setting: 'country.database',
    loaded: { at: 0, ageSeconds: 86_400.5, addresses: 0 },
    troubles: [],
    updates: { success: 3, unchanged: 2, failure: 1 },
  },
  tor: {
    setting: 'tor.list_url',
    loaded: { at: 0, ageSeconds: 60, addresses: 1234 },
    troubles: [],
    updates: { success: 6, unchanged: 5, failure: 4 },
  },
};

/** The counters of a management API that was asked. */
function management(): ManagementCounters {
  const counters = new ManagementCounters();
  const shown = { operation: 'getKey', status: 200, code: null, tokenFault: null } as const;
  counters.count(shown);
  counters.count(shown);
  counters.count({ ...shown, status: 401, code: 'token_invalid', tokenFault: 'expired' });
  counters.count({ ...shown, operation: null, status: 0 });
  return counters;
}

interface Family {
  help: string;
  type: string;
  /** Sample name with its labels, to its value. */
  samples: Map<string, number>;
}

/** Reads the text format strictly: what it does not know fails the test. */
function parse(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  let current: Family | undefined;
  for (const line of text.trimEnd().split('\n')) {
    if (line === '') continue;
    const help = /^# HELP ([a-z0-9_]+) (.+)$/.exec(line);
    const type = /^# TYPE ([a-z0-9_]+) (counter|gauge|histogram)$/.exec(line);
    const sample = /^([a-z0-9_]+)(\{(?:[a-z_]+="(?:[^"\\]|\\.)*",?)+\})? (\S+)$/.exec(line);
    if (help !== null) {
      if (families.has(help[1] as string)) throw new Error(`twice: ${line}`);
      current = { help: help[2] as string, type: '', samples: new Map() };
      families.set(help[1] as string, current);
    } else if (type !== null && families.get(type[1] as string) === current && current !== undefined) {
      current.type = type[2] as string;
    } else if (sample !== null && current !== undefined && !current.samples.has(`${sample[1]}${sample[2] ?? ''}`)) {
      current.samples.set(`${sample[1]}${sample[2] ?? ''}`, Number(sample[3]));
    } else throw new Error(`not expected here: ${line}`);
  }
  return families;
}

/** Every sample, by its name and labels. */
function samples(text: string): Map<string, number> {
  return new Map([...parse(text).values()].flatMap((family) => [...family.samples]));
}

t.test('names, types and help follow the rules of Prometheus', async (t) => {
  const traffic = new TrafficCounters();
  traffic.sink(exchange());
  const families = parse(await createMetrics(traffic, sources(), management()).render());
  t.ok(families.has('process_cpu_seconds_total') && families.has('nodejs_eventloop_lag_seconds'));
  for (const [name, { type, help, samples }] of families) {
    t.match(name, /^(?:latchkey|process|nodejs)_[a-z0-9_]+$/);
    t.ok(help.length > 0, `${name} has help`);
    t.equal(name.endsWith('_total'), type === 'counter', `${name} is a ${type}`);
    t.notMatch(name, /_(?:ms|milliseconds|kb|mb|percent|count|sum|bucket)$/, 'base units; no suffix of another type');
    for (const sample of samples.keys()) {
      const suffix = sample.replace(/\{.*/, '').slice(name.length);
      t.match(suffix, type === 'histogram' ? /^_(?:bucket|sum|count)$/ : /^$/, sample);
    }
  }
});

t.test('the documentation names every metric of ours with its type and labels, and no other', async (t) => {
  const traffic = new TrafficCounters();
  traffic.sink(exchange());
  const families = parse(await createMetrics(traffic, sources(), management()).render());
  const ours = [...families].filter(([name]) => name.startsWith('latchkey_'));
  const text = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| `(latchkey_[a-z_]+)` \| ([a-z]+) \|(.*?)\|/gm)];
  const documented = rows.map(([, name, type, labels]) => [name, { type, labels: labels?.match(/[a-z]+/g) ?? [] }]);
  const labelsOf = ({ samples }: Family): string[] => {
    const names = [...samples.keys()].flatMap((sample) => sample.match(/[a-z]+(?==")/g) ?? []);
    return [...new Set(names)].filter((label) => label !== 'le');
  };
  const exported = ours.map(([name, family]) => [name, { type: family.type, labels: labelsOf(family) }]);
  t.strictSame(Object.fromEntries(documented), Object.fromEntries(exported));
});

t.test('calls of the management API are counted by operation and status, and why they failed', async (t) => {
  const found = samples(await createMetrics(new TrafficCounters(), sources(), management()).render());
  const count = (labels: string): number | undefined => found.get(`latchkey_management_requests_total{${labels}}`);
  t.equal(count('operation="getKey",status="200"'), 2);
  t.equal(count('operation="getKey",status="401"'), 1);
  t.equal(count('operation="none",status="none"'), 1);
  t.equal(found.get('latchkey_management_denials_total{code="token_invalid"}'), 1);
  t.equal(found.get('latchkey_management_denials_total{code="forbidden"}'), 0, 'there before it first happens');
  t.equal(found.get('latchkey_management_tokens_rejected_total{reason="expired"}'), 1);
  const without = await createMetrics(new TrafficCounters(), sources()).render();
  t.notMatch(without, /latchkey_management/, 'not where there is no management API');
});

t.test('what is not configured, or not loaded, has no age', async (t) => {
  const metrics = async (status: Partial<PlacesStatus>) => {
    const places = () => ({ ...PLACES, ...status });
    return samples(await createMetrics(new TrafficCounters(), sources({ places })).render());
  };
  const tor = 'latchkey_tor_list_age_seconds';
  const all = await metrics({});
  t.equal(all.get('latchkey_country_database_age_seconds'), 86_400.5);
  t.strictSame([all.get(tor), all.get('latchkey_tor_list_addresses')], [60, 1234]);
  t.equal(all.get('latchkey_places_updates_total{source="country",result="failure"}'), 1);
  t.equal(all.get('latchkey_places_updates_total{source="tor",result="unchanged"}'), 5);
  const none = await metrics({ country: null, tor: PLACES.tor === null ? null : { ...PLACES.tor, loaded: null } });
  t.strictSame([none.has('latchkey_country_database_age_seconds'), none.has(tor)], [false, false]);
  t.equal(none.get('latchkey_tor_list_addresses'), 0, 'an alarm can be put on it');
  t.notOk([...none.keys()].some((name) => name.includes('source="country"')));
  t.notOk((await metrics({ tor: null })).has('latchkey_tor_list_addresses'));
});

t.test('an age goes away with what it is the age of', async (t) => {
  let status = PLACES;
  const metrics = createMetrics(new TrafficCounters(), sources({ places: () => status }));
  t.ok(samples(await metrics.render()).has('latchkey_tor_list_age_seconds'));
  status = { country: null, tor: null };
  t.notOk(samples(await metrics.render()).has('latchkey_tor_list_age_seconds'));
});

t.test('requests are counted by route, method and status', async (t) => {
  const traffic = new TrafficCounters();
  for (let i = 0; i < 3; i++) traffic.sink(exchange());
  traffic.sink(exchange({ method: 'HEAD', status: 404 }));
  traffic.sink(exchange({ method: 'BREW' }));
  traffic.sink(exchange({ method: 'STEAM' }));
  traffic.sink(exchange({ route: null, status: 404, code: 'route_not_found' }));
  traffic.sink(exchange({ status: 0, aborted: 'client' }));
  traffic.sink(exchange({ method: 'PUT', wouldDeny: ['ip_blocked', 'rate_limited'] }));
  const found = samples(await createMetrics(traffic, sources()).render());
  const count = (route: string, method: string, code: string): number | undefined =>
    found.get(`latchkey_http_requests_total{route="${route}",method="${method}",code="${code}"}`);
  const route = 'GET /api/domains/:id';
  t.equal(count(route, 'GET', '200'), 3);
  t.equal(count(route, 'HEAD', '404'), 1);
  t.equal(count(route, 'other', '200'), 2);
  t.equal(count('none', 'GET', '404'), 1);
  t.equal(count(route, 'GET', 'none'), 1);
  t.equal([...found.keys()].filter((name) => name.startsWith('latchkey_http_requests_total')).length, 6);
  t.equal(found.get('latchkey_http_responses_aborted_total{by="client"}'), 1);
  t.equal(found.get('latchkey_http_responses_aborted_total{by="upstream"}'), 0);
  t.equal(found.get('latchkey_denials_total{code="route_not_found"}'), 1);
  t.equal(found.get('latchkey_denials_total{code="rate_limited"}'), 0, 'there before it first happens');
  t.equal(found.get('latchkey_would_deny_total{code="rate_limited"}'), 1);
  t.equal(found.get('latchkey_would_deny_total{code="tor_blocked"}'), 0);
});

t.test('durations are histograms in seconds', async (t) => {
  const traffic = new TrafficCounters();
  const durations: [number, number | null][] = [
    [1, null],
    [1.5, 1.4],
    [50, 40],
    [60_000, 59_000],
  ];
  for (const [durationMs, upstreamMs] of durations) traffic.sink(exchange({ durationMs, upstreamMs }));
  const found = samples(await createMetrics(traffic, sources()).render());
  const name = 'latchkey_http_request_duration_seconds';
  const route = 'route="GET /api/domains/:id"';
  t.equal(found.get(`${name}_bucket{le="0.001",${route}}`), 1, 'a bound is part of its bucket');
  t.equal(found.get(`${name}_bucket{le="0.0025",${route}}`), 2);
  t.equal(found.get(`${name}_bucket{le="0.025",${route}}`), 2);
  t.equal(found.get(`${name}_bucket{le="30",${route}}`), 3);
  t.equal(found.get(`${name}_bucket{le="+Inf",${route}}`), 4);
  t.equal(found.get(`${name}_count{${route}}`), 4);
  t.equal(found.get(`${name}_sum{${route}}`), 60.0525);
  t.equal(found.get('latchkey_upstream_duration_seconds_count'), 3, 'an answer that never came is not one of 0 s');
  t.equal(found.get('latchkey_upstream_duration_seconds_bucket{le="0.05"}'), 2);
});

t.test('what others count is read at each scrape', async (t) => {
  let inFlight = 1;
  let up = true;
  const metrics = createMetrics(
    new TrafficCounters(),
    sources({ requestsInFlight: () => inFlight, storeUp: () => up }),
  );
  const first = samples(await metrics.render());
  t.equal(first.get('latchkey_requests_in_flight'), 1);
  t.equal(first.get('latchkey_store_up'), 1);
  inFlight = 7;
  up = false;
  const second = samples(await metrics.render());
  t.equal(second.get('latchkey_requests_in_flight'), 7);
  t.equal(second.get('latchkey_store_up'), 0);
  const others: [string, number][] = [
    ['latchkey_websocket_connections', 5],
    ['latchkey_key_cache_hits_total', 6],
    ['latchkey_key_cache_misses_total', 7],
    ['latchkey_key_cache_entries', 8],
    ['latchkey_store_errors_total', 9],
    ['latchkey_older_records_total', 18],
    ['latchkey_fast_requests_total', 19],
    ['latchkey_fast_handovers_total', 20],
    ['latchkey_limit_fallback_total', 10],
    ['latchkey_limit_questions_total', 15],
    ['latchkey_limit_spent_ahead_total', 16],
    ['latchkey_limit_leases_open', 17],
    ['latchkey_log_lines_dropped_total', 11],
    ['latchkey_usage_dropped_total', 12],
    ['latchkey_request_log_dropped_total', 13],
    ['latchkey_internal_errors_total', 14],
    ['latchkey_config_reloads_total{result="success"}', 2],
    ['latchkey_config_reloads_total{result="failure"}', 1],
    [`latchkey_build_info{version="1.2.3",node="${process.versions.node}"}`, 1],
  ];
  for (const [name, value] of others) t.equal(second.get(name), value, `${name}, the same after two scrapes`);
});

t.test('a route with odd characters is escaped', async (t) => {
  const traffic = new TrafficCounters();
  traffic.sink(exchange({ route: 'GET /a"\\b' }));
  t.ok(
    samples(await createMetrics(traffic, sources()).render()).has(
      'latchkey_http_request_duration_seconds_count{route="GET /a\\"\\\\b"}',
    ),
  );
});

t.test('the number of series is bounded, and routes that a reload removed make room for new ones', async (t) => {
  const traffic = new TrafficCounters({ maxRoutes: 3 });
  const routes = (): string[] => Array.from(traffic.routes, ({ route }) => route).sort();
  for (const route of ['a', 'b', 'c', 'd', 'e', null]) traffic.sink(exchange({ route }));
  t.strictSame(routes(), ['a', 'b', 'c', 'none', 'other']);
  traffic.reconfigured(['a', 'b', 'c']);
  t.strictSame(routes(), ['a', 'b', 'c', 'none', 'other']);
  traffic.reconfigured(['a', 'f']);
  traffic.sink(exchange({ route: 'f' }));
  t.strictSame(routes(), ['a', 'f', 'none', 'other']);
  const roomy = new TrafficCounters();
  roomy.sink(exchange({ route: 'gone' }));
  roomy.reconfigured(['new']);
  t.strictSame(
    Array.from(roomy.routes, ({ route }) => route),
    ['gone'],
    'with room enough, what a removed route counted stays to be scraped',
  );
  for (let i = 0; i < 5000; i++) roomy.sink(exchange({ method: `M${i}`, status: i, route: 'gone' }));
  const series = [...([...roomy.routes][0]?.requests() ?? [])];
  t.ok(series.length <= 1001, `${series.length}: methods that a client invents are one`);
});

t.test('what several workers counted becomes one scrape', async (t) => {
  const snapshots = [];
  for (const worker of [1, 2]) {
    const traffic = new TrafficCounters();
    for (let i = 0; i < worker; i++) traffic.sink(exchange({ durationMs: worker * 20 }));
    const loaded = { at: 0, ageSeconds: worker * 60, addresses: 3000 / (worker + 1) };
    const places = () => ({ ...PLACES, tor: PLACES.tor === null ? null : { ...PLACES.tor, loaded } });
    const metrics = createMetrics(traffic, sources({ storeUp: () => worker === 1, places }));
    snapshots.push(JSON.parse(JSON.stringify(await metrics.snapshot())));
  }
  const found = samples(await renderTogether(snapshots));
  t.equal(found.get('latchkey_http_requests_total{route="GET /api/domains/:id",method="GET",code="200"}'), 3);
  const bucket = (le: string): number | undefined =>
    found.get(`latchkey_http_request_duration_seconds_bucket{le="${le}",route="GET /api/domains/:id"}`);
  t.strictSame([bucket('0.01'), bucket('0.025'), bucket('0.05'), bucket('+Inf')], [0, 1, 3, 3]);
  t.equal(found.get('latchkey_requests_in_flight'), 8);
  t.equal(found.get('latchkey_limit_questions_total'), 30);
  t.equal(found.get('latchkey_limit_spent_ahead_total'), 32);
  t.equal(found.get('latchkey_limit_leases_open'), 34);
  t.equal(found.get('latchkey_store_up'), 0, 'up only when all say so');
  t.equal(found.get('latchkey_tor_list_addresses'), 1000, 'the shortest list');
  t.equal(found.get('latchkey_tor_list_age_seconds'), 120, 'the oldest list');
  t.equal(found.get(`latchkey_build_info{version="1.2.3",node="${process.versions.node}"}`), 1);
});
