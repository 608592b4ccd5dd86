import type { LoadedKey } from '../core/decision.ts';
import type { FoundKey, Gate } from '../core/gate.ts';
import type { KeyRecord } from '../core/key.ts';
import { type Lease, type LimitState, standing, take } from '../core/limits.ts';
import type { Route } from '../core/route.ts';
import { canonicalTarget, isFault } from '../core/target.ts';
import { loadKey } from '../keys/loader.ts';
import { decide } from '../pipeline.ts';
import type { World } from './explanation.ts';
import { type RecordedRequest, ReplayView } from './replay-request.ts';

/** The secret is never looked at: the key is found whatever it is. */
const SOME_SECRET = 'Bearer -';

/** A key in one world, and what it has used up of its limits there. */
export interface WorldKey extends FoundKey {
  state: LimitState | null;
}

/** How a request comes out. */
export interface Outcome {
  readonly route: Route | null;
  /** null: let through. */
  readonly code: string | null;
}

/** What a world is made of for a replay, which has a ledger of its own. */
export type ReplayedWorld = Omit<World, 'peek'>;

/**
 * One world, in which recorded requests are decided one after the other, each at its own time. There is one gate for all
 * of them, since they are millions. Limits are taken from a ledger that begins with nothing used up.
 */
export class ReplayWorld {
  readonly #world: ReplayedWorld;
  readonly #view = new ReplayView();
  readonly #gate: Gate;
  /** Whose request is being decided. */
  #current: WorldKey | null = null;
  #countsLimits = false;

  constructor(world: ReplayedWorld) {
    this.#world = world;
    this.#gate = {
      clock: { now: () => this.#view.at },
      keys: { peek: () => this.#current, find: () => this.#current, lastAddress: () => null },
      failures: { blockedFor: () => 0, record: () => undefined },
      limiter: { admit: (key) => this.#take(key) },
      restrictions: world.restrictions,
    };
  }

  get settings(): World['settings'] {
    return this.#world.settings;
  }

  load(record: KeyRecord): WorldKey {
    const { settings, places } = this.#world;
    return { key: loadKey(record, settings, places), previousSecret: false, state: null };
  }

  /**
   * @param key         null: the request comes without one
   * @param countsLimits whether it is counted, and can be refused for what was used up
   */
  decide(request: RecordedRequest, key: WorldKey | null, countsLimits: boolean): Outcome {
    const { routes, targetRules } = this.#world;
    // Logged paths are canonical, perhaps by another rule about ";" than this world's.
    if (!targetRules.allowPathParameters && mayHaveParameters(request.path)) {
      if (isFault(canonicalTarget(request.path, targetRules))) return { route: null, code: 'request_rejected' };
    }
    this.#current = key;
    this.#countsLimits = countsLimits;
    this.#view.show(request, key === null ? undefined : SOME_SECRET);
    const decision = decide(this.#view, routes, this.#gate);
    if (decision instanceof Promise) throw new Error('a replay has all in memory that it decides by');
    return { route: decision.route, code: decision.denial?.code ?? null };
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
