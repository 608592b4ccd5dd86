import { DENIALS, type DenialCode } from '../core/denial.ts';
import type { Exchange } from '../core/exchange.ts';
import { DurationHistogram } from './histogram.ts';

/** Methods that are counted by name; a client may invent others without end. */
export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'other'] as const;
const METHOD_INDEX = new Map<string, number>(METHODS.map((method, index) => [method, index]));
const OTHER_METHOD = METHODS.length - 1;

/** Statuses have three digits: room for each next to a method in one number. */
const STATUS_SPAN = 1024;

/**
 * Routes that are counted by name; the rest are counted together. A scrape of so many takes some 40 ms, in which no
 * request is served.
 */
const MAX_ROUTES = 1000;
/** What stands in a label for a route that none matched, and for a status that none was sent. */
export const NONE = 'none';
const OTHER_ROUTES = 'other';

interface Count {
  n: number;
}

/** What was counted for one route. */
export class RouteTraffic {
  readonly route: string;
  readonly durations = new DurationHistogram();
  readonly #counts = new Map<number, Count>();

  constructor(route: string) {
    this.route = route;
  }

  add(exchange: Exchange): void {
    const method = METHOD_INDEX.get(exchange.method) ?? OTHER_METHOD;
    const key = method * STATUS_SPAN + statusOf(exchange);
    const count = this.#counts.get(key);
    if (count === undefined) this.#counts.set(key, { n: 1 });
    else count.n++;
    this.durations.observe(exchange.durationMs);
  }

  /** Each method and status that occurred; status 0 stands for none that was sent. */
  *requests(): Iterable<{ method: string; status: number; count: number }> {
    for (const [key, count] of this.#counts) {
      const method = METHODS[Math.floor(key / STATUS_SPAN)] as string;
      yield { method, status: key % STATUS_SPAN, count: count.n };
    }
  }
}

/**
 * The exchanges of this process in plain counters: a few additions for each, and no more memory than routes, methods
 * and statuses have combinations.
 */
export class TrafficCounters {
  readonly upstreamDurations = new DurationHistogram();
  readonly denials: Readonly<Record<DenialCode, Count>>;
  /** Requests that something in shadow would have denied, were it enforced. */
  readonly wouldDeny: Readonly<Record<DenialCode, Count>>;
  readonly aborted: Readonly<Record<NonNullable<Exchange['aborted']>, Count>>;
  readonly #routes = new Map<string, RouteTraffic>();
  readonly #unmatched = new RouteTraffic(NONE);
  readonly #rest = new RouteTraffic(OTHER_ROUTES);
  readonly #maxRoutes: number;

  constructor(options: { readonly maxRoutes?: number } = {}) {
    this.#maxRoutes = options.maxRoutes ?? MAX_ROUTES;
    this.denials = countsOfCodes();
    this.wouldDeny = countsOfCodes();
    this.aborted = { client: { n: 0 }, upstream: { n: 0 }, gateway: { n: 0 } };
  }

  /** An ExchangeSink. */
  readonly sink = (exchange: Exchange): void => {
    this.#trafficOf(exchange.route).add(exchange);
    if (exchange.upstreamMs !== null) this.upstreamDurations.observe(exchange.upstreamMs);
    if (exchange.code !== null) this.denials[exchange.code].n++;
    if (exchange.wouldDeny !== null) for (const code of exchange.wouldDeny) this.wouldDeny[code].n++;
    if (exchange.aborted !== null) this.aborted[exchange.aborted].n++;
  };

  /** Of the routes, and of what is counted beside them, those that were asked for. */
  get routes(): Iterable<RouteTraffic> {
    const beside = [this.#unmatched, this.#rest].filter(({ durations }) => durations.count > 0);
    return [...this.#routes.values(), ...beside];
  }

  /**
   * To be told of the patterns after a reload: when routes that are gone would take the place of new ones, they are
   * forgotten. Until then they stay, so that nothing is lost between two scrapes.
   */
  reconfigured(patterns: Iterable<string>): void {
    const known = new Set(patterns);
    let needed = this.#routes.size;
    for (const pattern of known) if (!this.#routes.has(pattern)) needed++;
    if (needed <= this.#maxRoutes) return;
    for (const route of this.#routes.keys()) if (!known.has(route)) this.#routes.delete(route);
  }

  #trafficOf(route: string | null): RouteTraffic {
    if (route === null) return this.#unmatched;
    const known = this.#routes.get(route);
    if (known !== undefined) return known;
    if (this.#routes.size >= this.#maxRoutes) return this.#rest;
    const traffic = new RouteTraffic(route);
    this.#routes.set(route, traffic);
    return traffic;
  }
}

function countsOfCodes(): Record<DenialCode, Count> {
  const codes = Object.keys(DENIALS) as DenialCode[];
  return Object.fromEntries(codes.map((code) => [code, { n: 0 }])) as Record<DenialCode, Count>;
}

function statusOf({ status }: Exchange): number {
  return status > 0 && status < 1000 ? status : 0;
}
