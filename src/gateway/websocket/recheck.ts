import { setImmediate } from 'node:timers/promises';
import type { Decision } from '../../core/decision.ts';
import type { Denial } from '../../core/denial.ts';
import type { FoundKey, Gate, KeyFinder } from '../../core/gate.ts';
import type { MaybePromise } from '../../core/maybe.ts';
import type { RequestView } from '../../core/request.ts';
import type { RouteTable } from '../../core/route.ts';
import { decide, LASTING_CHECKS } from '../../pipeline.ts';
import { BROKEN } from '../gateway-denials.ts';

/** Tunnels that are looked at in one go, and keys that the store is asked for at a time. */
const SLICE = 500;

/** What is asked about again while it is open. */
export interface Rechecked {
  /** The decision that let it open. */
  readonly decision: Decision;
  /** The routes that hold now. */
  readonly routes: RouteTable;
  /** It would still be let in. */
  confirmed(at: number): void;
  /** It would not; or, with `key_store_unavailable`, that cannot be said now. */
  refused(denial: Denial): void;
}

/**
 * Asks about every open tunnel, again and again, what was asked when it was opened: a key that is revoked, expired, out of
 * its hours or without the permission does not keep what it opened before.
 */
export class Recheck {
  readonly #gate: Gate;
  readonly #open: ReadonlySet<Rechecked>;
  readonly #everyMs: number;
  #timer: NodeJS.Timeout | null = null;
  #running = false;

  /** @param open those to ask about; it may change at any time */
  constructor(gate: Gate, open: ReadonlySet<Rechecked>, everyMs: number) {
    this.#gate = gate;
    this.#open = open;
    this.#everyMs = everyMs;
  }

  /** Begins, unless it has; it ends by itself when nothing is open. */
  start(): void {
    if (this.#timer !== null) return;
    this.#timer = setInterval(() => void this.#tick(), this.#everyMs);
    this.#timer.unref();
  }

  async #tick(): Promise<void> {
    if (this.#open.size === 0) {
      if (this.#timer !== null) clearInterval(this.#timer);
      this.#timer = null;
      return;
    }
    if (this.#running) return;
    this.#running = true;
    try {
      await this.#sweep();
    } finally {
      this.#running = false;
    }
  }

  async #sweep(): Promise<void> {
    const gate = quietGate(this.#gate);
    let waiting: Promise<void>[] = [];
    let seen = 0;
    for (const tunnel of this.#open) {
      const settled = this.#ask(tunnel, gate);
      if (settled !== null) waiting.push(settled);
      if (++seen % SLICE !== 0) continue;
      await Promise.all(waiting);
      waiting = [];
      await setImmediate();
    }
    await Promise.all(waiting);
  }

  /** Never throws. A check that fails rather than decides is the same as a store that cannot be asked. */
  #ask(tunnel: Rechecked, gate: Gate): Promise<void> | null {
    const at = this.#gate.clock.now();
    try {
      const denial = standing(tunnel.decision.request, tunnel.routes, at, gate);
      if (!(denial instanceof Promise)) {
        settle(tunnel, denial, at);
        return null;
      }
      return denial.then(
        (later) => settle(tunnel, later, at),
        () => tunnel.refused(BROKEN),
      );
    } catch {
      tunnel.refused(BROKEN);
      return null;
    }
  }
}

function settle(tunnel: Rechecked, denial: Denial | null, at: number): void {
  if (denial === null) tunnel.confirmed(at);
  else tunnel.refused(denial);
}

/** What the checks say now about a request that passed them before. */
function standing(before: RequestView, routes: RouteTable, at: number, gate: Gate): MaybePromise<Denial | null> {
  const request: RequestView = {
    method: before.method,
    path: before.path,
    address: before.address,
    at,
    header: (name) => before.header(name),
  };
  const decision = decide(request, routes, gate, LASTING_CHECKS);
  return decision instanceof Promise ? decision.then(({ denial }) => denial) : decision.denial;
}

/**
 * The gate for one round: each secret is looked up once, however many tunnels it opened, and a key that is gone is no
 * failed attempt of its address.
 */
function quietGate(gate: Gate): Gate {
  const found = new Map<string, MaybePromise<FoundKey | null>>();
  const keys: KeyFinder = {
    peek: (secret) => gate.keys.peek(secret),
    lastAddress: (secret) => gate.keys.lastAddress(secret),
    find(secret) {
      let answer = found.get(secret);
      if (answer === undefined) {
        answer = gate.keys.find(secret);
        found.set(secret, answer);
      }
      return answer;
    },
  };
  return {
    clock: gate.clock,
    keys,
    failures: { blockedFor: () => 0, record: () => undefined },
    limiter: gate.limiter,
    restrictions: gate.restrictions,
  };
}
