import { canonicalAddress } from '../core/address.ts';
import type { Decision, LoadedKey } from '../core/decision.ts';
import type { Gate } from '../core/gate.ts';
import type { KeyRecord } from '../core/key.ts';
import { type Lease, take } from '../core/limits.ts';
import { StoreError } from '../core/ports.ts';
import type { Route } from '../core/route.ts';
import { loadKey } from '../keys/loader.ts';
import { decide } from '../pipeline.ts';
import { DescribedView } from './described-view.ts';
import type { DescribedRequest, World } from './explanation.ts';
import { laterLease } from './later-lease.ts';

/** A request further than this from the ledger's clock is one of another time; clocks of machines differ by less. */
export const NOW_MS = 60_000;

/** What is decided about. */
export interface Situation {
  readonly record: KeyRecord;
  readonly request: DescribedRequest;
  /** Canonical. */
  readonly path: string;
  readonly world: World;
  /** Milliseconds by which the request comes later than it was described. */
  readonly waitMs: number;
}

/** A situation, ready for the checks. */
export interface Scene {
  readonly situation: Situation;
  readonly view: DescribedView;
  readonly route: Route | null;
  readonly key: LoadedKey;
  readonly gate: Gate;
  /** What the limits would answer; null when the route asks for none, or the store cannot say. */
  readonly lease: Lease | null;
}

/**
 * Makes scenes of situations: gates that have all that the checks ask for, and on which nothing is spent, counted or
 * remembered. One for each explanation: it asks the store once for each set of limits, and parses a key's restrictions
 * once for all situations in which they are the same.
 */
export class Stage {
  readonly #peek: World['peek'];
  readonly #leases = new Map<string, Lease | null>();
  #first: LoadedKey | null = null;

  constructor(peek: World['peek']) {
    this.#peek = peek;
  }

  async set(situation: Situation): Promise<Scene> {
    const { request, path, world, waitMs } = situation;
    const address = request.address === null ? null : (canonicalAddress(request.address) ?? request.address);
    const view = new DescribedView(request.method, path, request.at + waitMs, address, request.userAgent);
    const route = world.routes.match(view.method, path);
    const loaded = this.#load(situation.record, world);
    const lease = route?.access === 'public' ? null : await this.#leaseFor(loaded, situation);
    const key = { ...loaded, restrictions: loaded.restrictions.map((each) => view.watched(each)) };
    const gate = dryGate(view, key, lease, world);
    return { situation, view, route, key, gate, lease };
  }

  /** Whether the request certainly passes. */
  async passes(situation: Situation): Promise<boolean> {
    const scene = await this.set(situation);
    return (await verdictOf(scene)).denial === null && !scene.view.isInDoubt;
  }

  #load(record: KeyRecord, { settings, places }: World): LoadedKey {
    const first = this.#first;
    if (first === null) {
      this.#first = loadKey(record, settings, places);
      return this.#first;
    }
    if (record.restrictions !== first.record.restrictions || record.shadow !== first.record.shadow) {
      return loadKey(record, settings, places);
    }
    const bare = loadKey({ ...record, restrictions: {} }, settings, places);
    return { ...bare, record, restrictions: first.restrictions };
  }

  async #leaseFor(key: LoadedKey, { request, waitMs }: Situation): Promise<Lease | null> {
    const { perHour, perDay, burst } = key.limits;
    const name = `${perHour}/${perDay}/${burst}`;
    let lease = this.#leases.get(name);
    if (lease === undefined) {
      lease = await this.#ask(key);
      this.#leases.set(name, lease);
    }
    if (lease === null) return null;
    const ahead = request.at - lease.now;
    return laterLease(lease, key.limits, (ahead > NOW_MS ? ahead : 0) + waitMs);
  }

  /** null: the store cannot say. */
  async #ask(key: LoadedKey): Promise<Lease | null> {
    try {
      return await this.#peek(key);
    } catch (error) {
      if (error instanceof StoreError) return null;
      throw error;
    }
  }
}

/** What the data plane decides in a scene. */
export async function verdictOf({ view, gate, situation }: Scene): Promise<Decision> {
  return decide(view, situation.world.routes, gate);
}

function dryGate(view: DescribedView, key: LoadedKey, lease: Lease | null, world: World): Gate {
  const found = { key, previousSecret: false };
  return {
    clock: { now: () => view.at },
    keys: { peek: () => found, find: () => found, lastAddress: () => null },
    failures: { blockedFor: () => 0, record: () => undefined },
    limiter: { admit: () => lease ?? unknownLease(view, key) },
    restrictions: world.restrictions.map((each) => view.watched(each)),
  };
}

/** Nobody knows: as with restrictions, what is not known passes, and is noted. */
function unknownLease(view: DescribedView, key: LoadedKey): Lease {
  if (!key.shadowsLimits) view.isInDoubt = true;
  return take(null, key.limits, 1, view.at).lease;
}
