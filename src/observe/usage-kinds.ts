import { DENIALS, type DenialCode } from '../core/denial.ts';
import type { Exchange } from '../core/exchange.ts';
import type { UsageDay } from '../core/usage.ts';
import { METHODS } from './traffic.ts';

/** Routes whose kinds are remembered; forgotten all at once when there are more, as reloads bring new ones. */
const MAX_ROUTES = 1_000;
/** Up to so many requests, what a kind says of them is made once: nearly every key has fewer of one kind in a second. */
const MAX_NAMED = 64;

const CODE_INDEX = new Map<string, number>((Object.keys(DENIALS) as DenialCode[]).map((code, i) => [code, i + 1]));
const CODES = CODE_INDEX.size + 1;
const METHOD_INDEX = new Map<string, number>(METHODS.map((method, i) => [method, i]));
const OTHER_METHOD = METHODS.length - 1;

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
  readonly #byRoute = new Map<string | null, (Kind | undefined)[]>();
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
    const method = METHOD_INDEX.get(name) ?? OTHER_METHOD;
    const index = method * CODES + (denial === null ? 0 : (CODE_INDEX.get(denial) ?? 0));
    let kinds = this.#byRoute.get(route);
    if (kinds === undefined) {
      if (this.#byRoute.size >= MAX_ROUTES) this.#byRoute.clear();
      kinds = Array.from<Kind | undefined>({ length: METHODS.length * CODES });
      this.#byRoute.set(route, kinds);
    }
    kinds[index] ??= new Kind(pathOf(route), METHODS[method] as string, denial);
    return kinds[index];
  }
}

/** The path part of a route's pattern, `GET /api/domains/:id`. */
function pathOf(route: string | null): string {
  return route === null ? '' : route.slice(route.indexOf(' ') + 1);
}
