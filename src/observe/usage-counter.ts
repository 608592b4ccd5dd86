import type { Exchange } from '../core/exchange.ts';
import { HOUR_MS } from '../core/limits.ts';
import type { UsagePlace, UsageScope } from '../core/usage.ts';
import type { BatchContent, Count, HourCount } from './usage-batch.ts';
import { type Kind, Kinds } from './usage-kinds.ts';

/** Keys whose places are kept from one second to the next, at some 250 bytes each. Those of more are made anew. */
const MAX_KEPT = 50_000;
/** Instead of milliseconds after the hour. */
const NEVER = -(2 ** 30);

/**
 * Where a key is counted: nearly all have one kind of request in one hour to be written. Times are small numbers, which
 * an object holds itself, and what each request needs comes first, so that it is found in a cache line or two.
 */
class Place {
  /** Of the first request, and its hour; null and 0 when nothing waits. */
  kind: Kind | null = null;
  owner: string | null;
  hour = 0;
  requests = 0;
  errors = 0;
  timeUs = 0;
  /** When the key was last used, in milliseconds after the hour. */
  lastUsed = NEVER;
  previousUsed = NEVER;
  /** Requests of other kinds or hours. */
  others: HourCount | null = null;
  readonly keyId: string;
  readonly scope: UsageScope;
  /** False when the key changed hands: what waits for it is in several places, one for each owner. */
  isOnly = true;
  /** Its number among those that are kept; -1: it is none of them. */
  kept = -1;

  constructor(keyId: string, owner: string | null) {
    this.keyId = keyId;
    this.scope = `key:${keyId}`;
    this.owner = owner;
  }

  clear(): void {
    this.kind = null;
    this.requests = 0;
    this.errors = 0;
    this.timeUs = 0;
    this.lastUsed = NEVER;
    this.previousUsed = NEVER;
    this.others = null;
    this.isOnly = true;
  }
}

/**
 * Requests by key, hour and kind, in memory, until they are taken for a batch. It costs a request a few additions;
 * what an owner and everybody did is added up only when a batch is made.
 */
export class UsageCounter {
  readonly #max: number;
  readonly #kinds = new Kinds();
  readonly #places = new Map<string, Place>();
  /** Places that are kept, each of them in `#places`. A hand goes round to find one that no request uses any more. */
  readonly #kept: Place[] = [];
  #hand = 0;
  /** Places in which something waits, from `#taken` on; the oldest first. */
  #waiting: Place[] = [];
  #taken = 0;
  #size = 0;

  /** @param max counts that wait at most: one for each key, hour and kind of request */
  constructor(max: number) {
    this.#max = max;
  }

  /** Counts that wait. */
  get size(): number {
    return this.#size;
  }

  /** Keys that something waits for; one that changed hands counts for each owner. */
  get keys(): number {
    return this.#waiting.length - this.#taken;
  }

  /** @returns false when there is no room for it; then nothing is counted of it */
  add(exchange: Exchange): boolean {
    const { keyId, owner, counted } = exchange;
    // What came without a known key is nobody's use; the metrics count it.
    if (keyId === null) return true;
    let place = this.#find(keyId, counted);
    if (place === undefined || place.owner !== owner) {
      if (this.#size >= this.#max) return false;
      place = place === undefined ? this.#newPlace(keyId, owner) : this.#handOver(place, owner);
    }
    const hour = Math.floor(exchange.at / HOUR_MS);
    const kind = this.#kinds.of(exchange);
    if (place.requests === 0) {
      if (this.#size >= this.#max) return false;
      this.#size++;
      this.#waiting.push(place);
      place.kind = kind;
      place.hour = hour;
    } else if (place.kind !== kind || place.hour !== hour) {
      if (!this.#addOther(place, hour, kind, exchange)) return false;
      if (exchange.allowed) addUse(place, exchange);
      return true;
    }
    place.requests++;
    if (isError(exchange)) place.errors++;
    place.timeUs += timeOf(exchange);
    if (exchange.allowed) addUse(place, exchange);
    return true;
  }

  /**
   * Moves what waits for up to `max` keys into a batch, those that have waited longest first. A batch may take no more than
   * `keys` was when it was begun: what comes while it is made is for another, as each key is in it once.
   */
  take(max: number, batch: BatchContent): void {
    const end = Math.min(this.#taken + max, this.#waiting.length);
    for (; this.#taken < end; this.#taken++) this.#moveTo(batch, this.#waiting[this.#taken] as Place);
    if (this.#taken === this.#waiting.length) this.#waiting.length = 0;
    else if (this.#taken * 2 > this.#waiting.length) this.#waiting = this.#waiting.slice(this.#taken);
    else return;
    this.#taken = 0;
  }

  #find(keyId: string, counted: UsagePlace | null): Place | undefined {
    const at = counted === null ? -1 : counted.usagePlace;
    if (at >= 0 && at < this.#kept.length) {
      const known = this.#kept[at] as Place;
      if (known.keyId === keyId) return known;
    }
    const place = this.#places.get(keyId);
    if (place !== undefined && counted !== null) counted.usagePlace = place.kept;
    return place;
  }

  #addOther(place: Place, hour: number, kind: Kind, exchange: Exchange): boolean {
    let count = place.others;
    while (count !== null && count.hour !== hour) count = count.next;
    const known = count?.kinds.get(kind);
    if (known === undefined) {
      if (this.#size >= this.#max) return false;
      this.#size++;
    }
    if (count === null) {
      count = { hour, requests: 0, errors: 0, timeUs: 0, kinds: new Map(), next: place.others };
      place.others = count;
    }
    count.kinds.set(kind, (known ?? 0) + 1);
    count.requests++;
    if (isError(exchange)) count.errors++;
    count.timeUs += timeOf(exchange);
    return true;
  }

  #newPlace(keyId: string, owner: string | null): Place {
    const place = new Place(keyId, owner);
    this.#places.set(keyId, place);
    return place;
  }

  /** The key changed hands just now: what waits for it is its former owner's. */
  #handOver(place: Place, owner: string | null): Place {
    if (place.requests === 0) {
      place.owner = owner;
      return place;
    }
    place.isOnly = false;
    const other = this.#newPlace(place.keyId, owner);
    other.isOnly = false;
    if (place.kept >= 0) this.#keepAt(place.kept, other);
    return other;
  }

  #moveTo(batch: BatchContent, place: Place): void {
    const { scope, owner, others, isOnly } = place;
    if (isOnly && others === null) batch.addOnly(scope, owner, place as Count);
    else batch.add(scope, owner, place as Count);
    for (let other = others; other !== null; other = other.next) {
      batch.addHour(scope, owner, other);
      this.#size -= other.kinds.size;
    }
    this.#size--;
    const lastUsedAt = timeIn(place, place.lastUsed);
    const previousLastUsedAt = timeIn(place, place.previousUsed);
    if (lastUsedAt !== null) batch.addUse(place.keyId, lastUsedAt, previousLastUsedAt, isOnly);
    place.clear();
    this.#keep(place);
  }

  /** Keeps a place for the next second, unless there are too many; then one that has not been used since may go. */
  #keep(place: Place): void {
    if (place.kept >= 0) return;
    // Its key has another one, of another owner.
    if (this.#places.get(place.keyId) !== place) return;
    if (this.#kept.length < MAX_KEPT) {
      place.kept = this.#kept.push(place) - 1;
      return;
    }
    this.#hand = (this.#hand + 1) % MAX_KEPT;
    const other = this.#kept[this.#hand] as Place;
    if (other.requests > 0) {
      this.#places.delete(place.keyId);
      return;
    }
    this.#places.delete(other.keyId);
    this.#keepAt(this.#hand, place);
  }

  /** Keeps a place instead of another one. */
  #keepAt(number: number, place: Place): void {
    (this.#kept[number] as Place).kept = -1;
    this.#kept[number] = place;
    place.kept = number;
  }
}

function addUse(place: Place, { at, previousSecret }: Exchange): void {
  const after = at - place.hour * HOUR_MS;
  if (place.lastUsed < after) place.lastUsed = after;
  if (previousSecret && place.previousUsed < after) place.previousUsed = after;
}

function timeIn({ hour }: Place, after: number): number | null {
  return after === NEVER ? null : hour * HOUR_MS + after;
}

function isError({ status, aborted }: Exchange): boolean {
  return status >= 400 || status === 0 || aborted !== null;
}

/** In microseconds. */
function timeOf({ status, durationMs, upstreamMs }: Exchange): number {
  // The answer to an upgrade is its head; the connection that follows is none, and may last for days.
  return Math.round((status === 101 ? (upstreamMs ?? 0) : durationMs) * 1000);
}
