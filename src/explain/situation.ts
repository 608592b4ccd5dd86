import { canonicalAddress } from '../core/address.ts';
import type { Decision, LoadedKey } from '../core/decision.ts';
import type { Gate } from '../core/gate.ts';
import type { KeyRecord } from '../core/key.ts';
import { type Lease, type Limits, take } from '../core/limits.ts';
import { type Counted, StoreError } from '../core/ports.ts';
import type { Route } from '../core/route.ts';
import { loadKey } from '../keys/loader.ts';
import { decide } from '../pipeline.ts';
import { CompiledRestrictions } from './compiled-restrictions.ts';
import { DescribedView } from './described-view.ts';
import type { DescribedRequest, Peek, World } from './explanation.ts';

/** A request further than this from the ledger's clock is one of another time; clocks of machines differ by less. */
export const NOW_MS = 60_000;

/** What is decided about. A change that is tried out makes another one of it. */
export interface Situation {
  readonly record: KeyRecord;
  readonly request: DescribedRequest;
  /** Canonical. */
  readonly path: string;
  readonly world: World;
  /** Milliseconds by which the request comes later than it was described. */
  readonly waitMs: number;
}

/** A situation with all that the checks ask for. */
export interface PreparedSituation {
  readonly situation: Situation;
  readonly view: DescribedView;
  readonly route: Route | null;
  readonly key: LoadedKey;
  /** Nothing is spent on it, counted or remembered. */
  readonly gate: Gate;
  /** null when the route asks for none, or the store cannot say. */
  readonly limits: LimitsBefore | null;
}

/** How the limits stand before a request. */
export interface LimitsBefore {
  /** What the ledger would answer to one that wants a single admission. */
  readonly lease: Lease;
  /** When that is, by the ledger's clock; every time that is told of the limits is reckoned from here. */
  readonly at: number;
  /** As `Counted` has it. */
  readonly isExact: boolean;
}

/** Prepares the situations of one explanation: it asks the store once, and parses what is the same in several once. */
export class Preparer {
  readonly #peek: Peek;
  readonly #restrictions = new CompiledRestrictions();
  #counted: Counted | null | undefined;

  constructor(peek: Peek) {
    this.#peek = peek;
  }

  async prepare(situation: Situation): Promise<PreparedSituation> {
    const { request, path, world, waitMs } = situation;
    const address = request.address === null ? null : (canonicalAddress(request.address) ?? request.address);
    const view = new DescribedView(request.method, path, request.at + waitMs, address, request.userAgent);
    const route = world.routes.match(view.method, path);
    const loaded = await this.#load(situation.record, world);
    const limits = route?.access === 'public' ? null : await this.#limitsBefore(loaded, situation);
    const restrictions = loaded.restrictions.map((each) => view.watched(each, world.unknownHere));
    const key = { ...loaded, restrictions };
    return { situation, view, route, key, gate: dryGate(view, key, limits, world), limits };
  }

  /** Whether the request certainly passes. */
  async passes(situation: Situation): Promise<boolean> {
    const prepared = await this.prepare(situation);
    return (await decisionOf(prepared)).denial === null && !prepared.view.isInDoubt;
  }

  async #load(record: KeyRecord, world: World): Promise<LoadedKey> {
    const bare = loadKey({ ...record, restrictions: {} }, world.settings, world.places);
    return { ...bare, record, restrictions: await this.#restrictions.of(record, world) };
  }

  async #limitsBefore({ limits }: LoadedKey, { record, request, waitMs }: Situation): Promise<LimitsBefore | null> {
    if (this.#counted === undefined) this.#counted = await this.#ask(record.id);
    if (this.#counted === null) return null;
    const { state, now, isExact } = this.#counted;
    // How they stood at a time that is past is not known: they are told as they stand.
    const at = (request.at - now > NOW_MS ? request.at : now) + waitMs;
    return { lease: take(state, limits, 1, at).lease, at, isExact };
  }

  /** null: the store cannot say. */
  async #ask(keyId: string): Promise<Counted | null> {
    try {
      return await this.#peek(keyId);
    } catch (error) {
      if (error instanceof StoreError) return null;
      throw error;
    }
  }
}

/** What the data plane decides. */
export async function decisionOf({ view, gate, situation }: PreparedSituation): Promise<Decision> {
  return decide(view, situation.world.routes, gate);
}

/** Whether what the limits answer is certain: what another process wrote down ahead may only make it refuse. */
export function areLimitsKnown(limits: LimitsBefore | null): limits is LimitsBefore {
  return limits !== null && (limits.isExact || limits.lease.refusedBy === null);
}

/** When an admission could be granted, in milliseconds after `at`; 0: there and then. */
export function waitOf({ lease, at }: LimitsBefore): number {
  return lease.retryAfterMs === 0 ? 0 : lease.now + lease.retryAfterMs - at;
}

function dryGate(view: DescribedView, key: LoadedKey, limits: LimitsBefore | null, world: World): Gate {
  const found = { key, previousSecret: false };
  return {
    clock: { now: () => view.at },
    keys: { peek: () => found, find: () => found, lastAddress: () => null },
    failures: { blockedFor: () => 0, record: () => undefined },
    limiter: { admit: () => (areLimitsKnown(limits) ? limits.lease : unknownLease(view, key)) },
    restrictions: world.restrictions.map((each) => view.watched(each, world.unknownHere)),
  };
}

/** Nobody knows: as with restrictions, what is not known passes, and is noted. */
function unknownLease(view: DescribedView, key: { readonly shadowsLimits: boolean; readonly limits: Limits }): Lease {
  if (!key.shadowsLimits) view.isInDoubt = true;
  return take(null, key.limits, 1, view.at).lease;
}
