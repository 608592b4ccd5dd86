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

/** The only count of a key, as it stands in a batch. */
class KeyCount implements UsageDelta {
  scope: UsageScope = 'all';
  day = 0;
  hours: Record<number, Totals> = {};
  endpoints: UsageDelta['endpoints'] = {};
  methods: UsageDelta['methods'] = {};
  denials: UsageDelta['denials'] = {};
  #hour = Number.NaN;
  #totals: Totals = { requests: 0, errors: 0, timeUs: 0 };

  set(scope: UsageScope, { hour, kind, requests, errors, timeUs }: Count): void {
    const { endpoints, methods, denials } = kind.named(requests);
    this.scope = scope;
    this.endpoints = endpoints;
    this.methods = methods;
    this.denials = denials;
    this.#totals.requests = requests;
    this.#totals.errors = errors;
    this.#totals.timeUs = timeUs;
    if (hour === this.#hour) return;
    this.#hour = hour;
    this.day = Math.floor(hour / HOURS_PER_DAY);
    this.hours = { [hour % HOURS_PER_DAY]: this.#totals };
  }
}

type WritableUse = { -readonly [Field in keyof KeyUse]: KeyUse[Field] };

/**
 * A batch as it is made: each scope and day once, each key once. What most keys have in it is written over for the next batch:
 * objects for each key and second, which live until the store has them, are much work to clear away.
 */
export class BatchContent {
  /** Of keys that do not come again, those first that are in this batch; as many as the largest batch had. */
  readonly #keyCounts: KeyCount[] = [];
  readonly #keyUses: WritableUse[] = [];
  #uses: KeyUse[] = [];
  #deltas: UsageDelta[] = [];
  /** Uses and counts of keys that may come again. */
  readonly #usesByKey = new Map<string, KeyUse>();
  /** One for each day of a scope; nearly always that is one. */
  readonly #byScope = new Map<UsageScope, Delta[]>();
  /** What was last added for an owner, or (null) for all: the next is very often of the same kind and hour. */
  readonly #pending = new Map<string | null, Count>();

  /** Adds the only count of a key that does not come again. */
  addOnly(scope: UsageScope, owner: string | null, count: Count): void {
    const made = this.#keyCounts[this.#deltas.length] ?? this.#newKeyCount();
    made.set(scope, count);
    this.#deltas.push(made);
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
  addUse(keyId: string, lastUsedAt: number, previousLastUsedAt: number | null, isOnly: boolean): void {
    if (!isOnly) {
      const use = { keyId, lastUsedAt, previousLastUsedAt };
      const known = this.#usesByKey.get(keyId);
      this.#usesByKey.set(keyId, known === undefined ? use : laterUse(known, use));
      return;
    }
    const use = this.#keyUses[this.#uses.length] ?? this.#newKeyUse();
    use.keyId = keyId;
    use.lastUsedAt = lastUsedAt;
    use.previousLastUsedAt = previousLastUsedAt;
    this.#uses.push(use);
  }

  /** Begins the next batch. What `content` gave is of no use from here on. */
  clear(): void {
    this.#uses = [];
    this.#deltas = [];
    this.#usesByKey.clear();
    this.#byScope.clear();
    this.#pending.clear();
  }

  content(): Taken {
    for (const [owner, count] of this.#pending) this.#addCount(scopeOf(owner), count);
    this.#pending.clear();
    for (const use of this.#usesByKey.values()) this.#uses.push(use);
    for (const days of this.#byScope.values()) for (const delta of days) this.#deltas.push(delta);
    return { uses: this.#uses, deltas: this.#deltas };
  }

  #newKeyCount(): KeyCount {
    const made = new KeyCount();
    this.#keyCounts.push(made);
    return made;
  }

  #newKeyUse(): WritableUse {
    const made: WritableUse = { keyId: '', lastUsedAt: null, previousLastUsedAt: null };
    this.#keyUses.push(made);
    return made;
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
