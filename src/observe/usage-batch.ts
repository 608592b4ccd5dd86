import type { DenialCode } from '../core/denial.ts';
import { type KeyUse, laterUse, type UsageDelta, type UsageScope } from '../core/usage.ts';

export const HOUR_MS = 3_600_000;
const DAY_HOURS = 24;

/** What requests have in common besides their key and hour: one object for each combination. */
export interface Kind {
  readonly endpoint: string;
  readonly method: string;
  readonly denial: DenialCode | null;
}

/** The requests of a key in one hour. Most keys have one kind of request in a second, so that needs no map. */
export interface HourCount {
  /** Whole hours since the epoch. */
  readonly hour: number;
  requests: number;
  errors: number;
  timeUs: number;
  readonly kind: Kind;
  ofKind: number;
  others: Map<Kind, number> | null;
  /** The same key's count of another hour. */
  readonly next: HourCount | null;
}

/** What waits for one key. */
export interface KeyCount {
  readonly keyId: string;
  readonly owner: string | null;
  lastUsedAt: number | null;
  previousLastUsedAt: number | null;
  hours: HourCount | null;
}

/** What a batch says, without its number. */
export interface Taken {
  readonly uses: readonly KeyUse[];
  readonly deltas: readonly UsageDelta[];
}

interface Delta extends UsageDelta {
  readonly hours: Record<number, { requests: number; errors: number; timeUs: number }>;
  readonly endpoints: Record<string, number>;
  readonly methods: Record<string, number>;
  readonly denials: Record<string, number>;
}

/** A batch as it is made: each scope and day once, each key once. */
export class BatchContent {
  readonly #uses = new Map<string, KeyUse>();
  /** One for each day of a scope; nearly always that is one. */
  readonly #deltas = new Map<UsageScope, Delta[]>();

  add(key: KeyCount): void {
    const { keyId, owner, lastUsedAt, previousLastUsedAt } = key;
    if (lastUsedAt !== null) this.#addUse({ keyId, lastUsedAt, previousLastUsedAt });
    for (let count = key.hours; count !== null; count = count.next) {
      this.#addCount(`key:${keyId}`, count);
      if (owner !== null) this.#addCount(`owner:${owner}`, count);
      this.#addCount('all', count);
    }
  }

  content(): Taken {
    return { uses: [...this.#uses.values()], deltas: [...this.#deltas.values()].flat() };
  }

  #addUse(use: KeyUse): void {
    const known = this.#uses.get(use.keyId);
    this.#uses.set(use.keyId, known === undefined ? use : laterUse(known, use));
  }

  #addCount(scope: UsageScope, count: HourCount): void {
    const day = Math.floor(count.hour / DAY_HOURS);
    const hour = count.hour % DAY_HOURS;
    const delta = this.#deltaOf(scope, day);
    const totals = delta.hours[hour];
    if (totals === undefined) {
      delta.hours[hour] = { requests: count.requests, errors: count.errors, timeUs: count.timeUs };
    } else {
      totals.requests += count.requests;
      totals.errors += count.errors;
      totals.timeUs += count.timeUs;
    }
    addKind(delta, count.kind, count.ofKind);
    if (count.others !== null) for (const [kind, requests] of count.others) addKind(delta, kind, requests);
  }

  #deltaOf(scope: UsageScope, day: number): Delta {
    const days = this.#deltas.get(scope);
    const known = days?.find((delta) => delta.day === day);
    if (known !== undefined) return known;
    const delta: Delta = { scope, day, hours: {}, endpoints: {}, methods: {}, denials: {} };
    if (days === undefined) this.#deltas.set(scope, [delta]);
    else days.push(delta);
    return delta;
  }
}

function addKind(delta: Delta, { endpoint, method, denial }: Kind, requests: number): void {
  delta.endpoints[endpoint] = (delta.endpoints[endpoint] ?? 0) + requests;
  delta.methods[method] = (delta.methods[method] ?? 0) + requests;
  if (denial !== null) delta.denials[denial] = (delta.denials[denial] ?? 0) + requests;
}
