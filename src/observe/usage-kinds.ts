import type { DenialCode } from '../core/denial.ts';
import type { Exchange } from '../core/exchange.ts';
import type { UsageDay } from '../core/usage.ts';
import { METHODS } from './traffic.ts';

/** Routes whose kinds are remembered; forgotten all at once when there are more, as reloads bring new ones. */
const MAX_ROUTES = 20_000;
/** Up to so many requests, what a kind says of them is made once: nearly every key has fewer of one kind in a second. */
const MAX_NAMED = 64;

const METHOD_NAMES: ReadonlySet<string> = new Set(METHODS);
const OTHER_METHOD = 'other';

/** Requests by endpoint, method and denial. */
export type Named = Pick<UsageDay, 'endpoints' | 'methods' | 'denials'>;

/** What requests have in common besides their key and hour: one object for each combination. */
export class Kind {
  readonly endpoint: string;
  readonly method: string;
  readonly denial: DenialCode | null;
  readonly #named: Named[] = [];

  constructor(endpoint: string, method: string, denial: DenialCode | null) {
    this.endpoint = endpoint;
    this.method = method;
    this.denial = denial;
  }

  /**
   * So many requests of this kind, by name.
   * @returns the same frozen tables for the same number, when that is small: a store may remember what it makes of them
   */
  named(requests: number): Named {
    const known = this.#named[requests];
    if (known !== undefined) return known;
    const named = {
      endpoints: Object.freeze({ [this.endpoint]: requests }),
      methods: Object.freeze({ [this.method]: requests }),
      denials: Object.freeze(this.denial === null ? {} : { [this.denial]: requests }),
    };
    if (requests <= MAX_NAMED) this.#named[requests] = named;
    return named;
  }
}

/** Finds the kind of an exchange. */
export class Kinds {
  readonly #byRoute = new Map<string | null, Kind[]>();
  #route: string | null = null;
  #method = '';
  #denial: DenialCode | null = null;
  #last: Kind | null = null;

  of(exchange: Exchange): Kind {
    const { route, method } = exchange;
    const denial = exchange.allowed ? null : exchange.code;
    // Very often one is like the one before it.
    if (this.#last !== null && route === this.#route && method === this.#method && denial === this.#denial) {
      return this.#last;
    }
    const kind = this.#find(route, method, denial);
    this.#route = route;
    this.#method = method;
    this.#denial = denial;
    this.#last = kind;
    return kind;
  }

  #find(route: string | null, name: string, denial: DenialCode | null): Kind {
    const method = METHOD_NAMES.has(name) ? name : OTHER_METHOD;
    let kinds = this.#byRoute.get(route);
    if (kinds === undefined) {
      if (this.#byRoute.size >= MAX_ROUTES) this.#byRoute.clear();
      kinds = [];
      this.#byRoute.set(route, kinds);
    }
    // One or two of a route, as a rule.
    for (const kind of kinds) if (kind.method === method && kind.denial === denial) return kind;
    const kind = new Kind(pathOf(route), method, denial);
    kinds.push(kind);
    return kind;
  }
}

/** The path part of a route's pattern, `GET /api/domains/:id`. */
function pathOf(route: string | null): string {
  return route === null ? '' : route.slice(route.indexOf(' ') + 1);
}
