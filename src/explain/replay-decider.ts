import type { CompiledRestriction, LoadedKey } from '../core/decision.ts';
import type { FoundKey, Gate } from '../core/gate.ts';
import type { KeyRecord } from '../core/key.ts';
import { type Lease, type LimitState, take } from '../core/limits.ts';
import type { Route } from '../core/route.ts';
import { standing } from '../core/standing.ts';
import { canonicalTarget, isFault } from '../core/target.ts';
import { loadKey } from '../keys/loader.ts';
import { decide } from '../pipeline.ts';
import { restsOnUnknown } from './described-view.ts';
import type { World } from './explanation.ts';
import { type RecordedRequest, ReplayView, type SkipReason } from './replay-request.ts';

/** The secret is never looked at: the key is found whatever it is. */
const SOME_SECRET = 'Bearer -';

/** A key in one world, and what it has used up of its limits there. */
export interface CountedKey extends FoundKey {
  state: LimitState | null;
}

/** How a recorded request comes out in one world. */
export interface ReplayDecision {
  readonly route: Route | null;
  /** null: let through. */
  readonly code: string | null;
  /** Why it is not certain; null: it is. What could not be known was passed. */
  readonly doubt: SkipReason | null;
}

/**
 * Decides recorded requests in one world, one after the other, each at its own time. There is one gate for all of them,
 * since they are millions. Limits are taken from a ledger that begins with nothing used up.
 */
export class ReplayDecider {
  readonly #world: World;
  readonly #view = new ReplayView();
  readonly #gate: Gate;
  /** Whose request is being decided. */
  #current: CountedKey | null = null;
  #countsLimits = false;
  #doubt: SkipReason | null = null;

  constructor(world: World) {
    this.#world = world;
    this.#gate = {
      clock: { now: () => this.#view.at },
      keys: { peek: () => this.#current, find: () => this.#current, lastAddress: () => null },
      failures: { blockedFor: () => 0, record: () => undefined },
      limiter: { admit: (key) => this.#take(key) },
      restrictions: this.#deciding(world.restrictions),
    };
  }

  get settings(): World['settings'] {
    return this.#world.settings;
  }

  load(record: KeyRecord): CountedKey {
    const { settings, places } = this.#world;
    const key = loadKey(record, settings, places);
    const restrictions = this.#deciding(key.restrictions);
    return { key: { ...key, restrictions }, previousSecret: false, state: null };
  }

  /**
   * @param key         null: the request comes without one
   * @param countsLimits whether it is counted, and can be refused for what was used up
   */
  decide(request: RecordedRequest, key: CountedKey | null, countsLimits: boolean): ReplayDecision {
    const { routes, targetRules } = this.#world;
    // Logged paths are canonical, perhaps by another rule about ";" than this world's.
    if (!targetRules.allowPathParameters && mayHaveParameters(request.path)) {
      if (isFault(canonicalTarget(request.path, targetRules))) {
        return { route: null, code: 'request_rejected', doubt: null };
      }
    }
    this.#current = key;
    this.#countsLimits = countsLimits;
    this.#doubt = null;
    this.#view.show(request, key === null ? undefined : SOME_SECRET);
    const { route, denial } = this.#decided(routes);
    return { route, code: denial?.code ?? null, doubt: this.#view.missedHeader ? 'not_logged' : this.#doubt };
  }

  #decided(routes: World['routes']) {
    const decision = decide(this.#view, routes, this.#gate);
    if (decision instanceof Promise) throw new Error('a replay has all in memory that it decides by');
    return decision;
  }

  /** Those that decide: what is in shadow is not asked, and what cannot be known passes, and is noted. */
  #deciding(restrictions: readonly CompiledRestriction[]): CompiledRestriction[] {
    const { unknownHere } = this.#world;
    return restrictions
      .filter(({ isShadow }) => !isShadow)
      .map((restriction) => {
        if (!unknownHere.has(restriction.name)) return restriction;
        return {
          ...restriction,
          test: (request) => {
            const denial = restriction.test(request);
            if (!restsOnUnknown(restriction, denial, unknownHere)) return denial;
            this.#doubt = 'place_unknown';
            return null;
          },
        };
      });
  }

  #take({ limits }: LoadedKey): Lease {
    const { at } = this.#view;
    const current = this.#current;
    if (!this.#countsLimits || current === null) return standing(null, limits, at);
    const { state, lease } = take(current.state, limits, 1, at);
    current.state = state;
    return lease;
  }
}

function mayHaveParameters(path: string): boolean {
  return path.includes(';') || path.includes('%3B');
}
