import type { KeyRecord } from '../../src/core/key.ts';
import type { Places } from '../../src/core/places.ts';
import { type Store, StoreError } from '../../src/core/ports.ts';
import { type RouteSource, RouteTable } from '../../src/core/route.ts';
import { explain } from '../../src/explain/explain.ts';
import type { Change, DescribedRequest, Explanation, Peek, Step, World } from '../../src/explain/explanation.ts';
import { compileGlobal, type GlobalRules } from '../../src/restrictions/global.ts';
import { ManualClock } from '../support/clock.ts';
import { CATALOGUE, keyRecord, sqliteStore, type Tap } from '../support/keys.ts';

export const ROUTES: RouteSource = {
  public: ['GET /status'],
  anyKey: ['GET /api/whoami'],
  permissions: {
    'domains:read': ['GET /api/domains/*', 'GET /api/report'],
    'domains:write': ['POST /api/domains'],
    'devices:read': ['GET /api/report'],
  },
};

/** 192.… is in the Netherlands, 198.… nobody knows where, all else is in Germany; …9 is an exit of Tor. */
export const PLACES: Places = {
  knowsCountries: true,
  knowsTor: true,
  countryOf: (address) => (address.startsWith('192.') ? 'NL' : address.startsWith('198.') ? null : 'DE'),
  isTorExit: (address) => address.endsWith('9'),
};

export const NO_RULES: GlobalRules = {
  ip: { allow: [], deny: [], isShadow: false },
  country: { block: [], blockUnknown: false, isShadow: false },
  tor: { block: false, isShadow: false },
};

export interface ExplainFixture {
  readonly clock: ManualClock;
  readonly store: Store;
  readonly world: World;
  /** Explains a request with a key so given: `GET /api/whoami` from 203.0.113.7, unless the test says otherwise. */
  why(
    key?: Partial<KeyRecord>,
    request?: Partial<DescribedRequest>,
    world?: Partial<World>,
    peek?: Peek,
  ): Promise<Explanation>;
}

/** A world over a real store with a real ledger. */
export async function setUp(t: Tap): Promise<ExplainFixture> {
  const clock = new ManualClock();
  const store = await sqliteStore(t, clock);
  const world: World = {
    routes: new RouteTable(ROUTES),
    targetRules: { allowPathParameters: false },
    settings: CATALOGUE,
    configured: new Set(['country', 'tor']),
    unknownHere: new Set(),
    ...globally({}),
  };
  const peekStore: Peek = (id) => store.limits.peek(id);
  return {
    clock,
    store,
    world,
    why: (key = {}, request = {}, changed = {}, peek = peekStore) =>
      explain(keyRecord(key), described({ at: clock.now(), ...request }), { ...world, ...changed }, peek),
  };
}

export function described(given: Partial<DescribedRequest> & { readonly at: number }): DescribedRequest {
  return { method: 'GET', target: '/api/whoami', address: '203.0.113.7', userAgent: 'curl/8', ...given };
}

/** The rules for all requests, as they are written and parsed. */
export function globally(
  given: Partial<GlobalRules>,
  places = PLACES,
): Pick<World, 'places' | 'restrictions' | 'rules'> {
  const rules = { ...NO_RULES, ...given };
  return { places, rules, restrictions: compileGlobal(rules, places) };
}

/** A store that cannot be asked how limits stand. */
export const BLIND: Peek = () => Promise.reject(new StoreError('STORE_UNAVAILABLE', 'down'));

/** The one step of a check, or of a restriction by its name. */
export function stepOf({ steps }: Explanation, name: string): Step {
  const found = steps.filter((step) => (step.restriction ?? step.check) === name);
  if (found.length !== 1) throw new Error(`${found.length} steps are called ${name}`);
  return found[0] as Step;
}

/** What is suggested, without what is for other steps. */
export function changesFor(explanation: Explanation, name: string): Omit<Change, 'step'>[] {
  return explanation.changes
    .filter(({ step }) => {
      const about = explanation.steps[step];
      return (about?.restriction ?? about?.check) === name;
    })
    .map(({ step: _step, ...change }) => change);
}
