import { HOURS_PER_DAY } from '../core/limits.ts';
import { type KeyUse, laterUse, type UsageDelta, type UsageScope } from '../core/usage.ts';
import type { Kind } from './usage-kinds.ts';

/** Requests of one kind in one hour. */
export interface Count {
  /** Whole hours since the epoch. */
  hour: number;
  kind: Kind;
  requests: number;
  errors: number;
  timeUs: number;
}

/** Requests of several kinds in one hour. */
export interface HourCount {
  readonly hour: number;
  requests: number;
  errors: number;
  timeUs: number;
  readonly kinds: Map<Kind, number>;
  /** The same key's count of another hour. */
  readonly next: HourCount | null;
}

/** What a batch says, without its number. */
export interface Taken {
  readonly uses: readonly KeyUse[];
  readonly deltas: readonly UsageDelta[];
}

type Totals = Pick<HourCount, 'requests' | 'errors' | 'timeUs'>;

interface Delta extends UsageDelta {
  readonly hours: Record<number, Totals>;
  readonly endpoints: Record<string, number>;
  readonly methods: Record<string, number>;
  readonly denials: Record<string, number>;
}

/** A batch as it is made: each scope and day once, each key once. */
export class BatchContent {
  readonly #uses: KeyUse[] = [];
  readonly #deltas: UsageDelta[] = [];
  /** Uses and counts of keys that may come again. */
  readonly #usesByKey = new Map<string, KeyUse>();
  /** One for each day of a scope; nearly always that is one. */
  readonly #byScope = new Map<UsageScope, Delta[]>();
  /** What was last added for an owner, or (null) for all: the next is very often of the same kind and hour. */
  readonly #pending = new Map<string | null, Count>();

  /** Adds the only count of a key that does not come again. */
  addOnly(scope: UsageScope, owner: string | null, count: Count): void {
    const { hour, kind, requests, errors, timeUs } = count;
    const { endpoints, methods, denials } = kind.named(requests);
    const hours = { [hour % HOURS_PER_DAY]: { requests, errors, timeUs } };
    this.#deltas.push({ scope, day: Math.floor(hour / HOURS_PER_DAY), hours, endpoints, methods, denials });
    if (owner !== null) this.#addPending(owner, count);
    this.#addPending(null, count);
  }

  /** Adds one count of a key of any number. */
  add(scope: UsageScope, owner: string | null, count: Count): void {
    this.#addCount(scope, count);
    if (owner !== null) this.#addPending(owner, count);
    this.#addPending(null, count);
  }

  /** Adds what requests of several kinds came to in an hour. */
  addHour(scope: UsageScope, owner: string | null, count: HourCount): void {
    this.#addHour(scope, count);
    if (owner !== null) this.#addHour(`owner:${owner}`, count);
    this.#addHour('all', count);
  }

  /** @param isOnly that the key does not come again */
  addUse(use: KeyUse, isOnly: boolean): void {
    if (isOnly) {
      this.#uses.push(use);
      return;
    }
    const known = this.#usesByKey.get(use.keyId);
    this.#usesByKey.set(use.keyId, known === undefined ? use : laterUse(known, use));
  }

  content(): Taken {
    for (const [owner, count] of this.#pending) this.#addCount(scopeOf(owner), count);
    this.#pending.clear();
    for (const use of this.#usesByKey.values()) this.#uses.push(use);
    for (const days of this.#byScope.values()) for (const delta of days) this.#deltas.push(delta);
    return { uses: this.#uses, deltas: this.#deltas };
  }

  #addPending(owner: string | null, { hour, kind, requests, errors, timeUs }: Count): void {
    const pending = this.#pending.get(owner);
    if (pending === undefined) {
      this.#pending.set(owner, { hour, kind, requests, errors, timeUs });
    } else if (pending.kind === kind && pending.hour === hour) {
      pending.requests += requests;
      pending.errors += errors;
      pending.timeUs += timeUs;
    } else {
      this.#addCount(scopeOf(owner), pending);
      pending.hour = hour;
      pending.kind = kind;
      pending.requests = requests;
      pending.errors = errors;
      pending.timeUs = timeUs;
    }
  }

  #addCount(scope: UsageScope, count: Count): void {
    const delta = this.#deltaOf(scope, count.hour);
    addTotals(delta, count.hour, count);
    addKind(delta, count.kind, count.requests);
  }

  #addHour(scope: UsageScope, count: HourCount): void {
    const delta = this.#deltaOf(scope, count.hour);
    addTotals(delta, count.hour, count);
    for (const [kind, requests] of count.kinds) addKind(delta, kind, requests);
  }

  #deltaOf(scope: UsageScope, hour: number): Delta {
    const day = Math.floor(hour / HOURS_PER_DAY);
    const days = this.#byScope.get(scope);
    const known = days?.find((delta) => delta.day === day);
    if (known !== undefined) return known;
    const delta: Delta = { scope, day, hours: {}, endpoints: {}, methods: {}, denials: {} };
    if (days === undefined) this.#byScope.set(scope, [delta]);
    else days.push(delta);
    return delta;
  }
}

function scopeOf(owner: string | null): UsageScope {
  return owner === null ? 'all' : `owner:${owner}`;
}

function addTotals({ hours }: Delta, hour: number, { requests, errors, timeUs }: Totals): void {
  const totals = hours[hour % HOURS_PER_DAY];
  if (totals === undefined) {
    hours[hour % HOURS_PER_DAY] = { requests, errors, timeUs };
    return;
  }
  totals.requests += requests;
  totals.errors += errors;
  totals.timeUs += timeUs;
}

function addKind(delta: Delta, { endpoint, method, denial }: Kind, requests: number): void {
  delta.endpoints[endpoint] = (delta.endpoints[endpoint] ?? 0) + requests;
  delta.methods[method] = (delta.methods[method] ?? 0) + requests;
  if (denial !== null) delta.denials[denial] = (delta.denials[denial] ?? 0) + requests;
}
