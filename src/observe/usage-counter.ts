import { DENIALS, type DenialCode } from '../core/denial.ts';
import type { Exchange } from '../core/exchange.ts';
import { METHODS } from './traffic.ts';
import { BatchContent, HOUR_MS, type HourCount, type KeyCount, type Kind, type Taken } from './usage-batch.ts';

/** Routes whose kinds are remembered; forgotten all at once when there are more, as reloads bring new ones. */
const MAX_ROUTES = 1_000;

const CODE_INDEX = new Map<string, number>((Object.keys(DENIALS) as DenialCode[]).map((code, i) => [code, i + 1]));
const CODES = CODE_INDEX.size + 1;
const METHOD_INDEX = new Map<string, number>(METHODS.map((method, i) => [method, i]));
const OTHER_METHOD = METHODS.length - 1;

/**
 * Requests by key, hour and kind, in memory, until they are taken for a batch. It costs a request a few additions;
 * what an owner and everybody did is added up only when a batch is made.
 */
export class UsageCounter {
  readonly #max: number;
  readonly #keys = new Map<string, KeyCount>();
  readonly #kinds = new Map<string | null, (Kind | undefined)[]>();
  #size = 0;

  /** @param max counts that wait at most: one for each key, hour and kind of request */
  constructor(max: number) {
    this.#max = max;
  }

  /** Counts that wait. */
  get size(): number {
    return this.#size;
  }

  /** Keys that something waits for. */
  get keys(): number {
    return this.#keys.size;
  }

  /** @returns false when there is no room for it; then nothing is counted of it */
  add(exchange: Exchange): boolean {
    const { keyId } = exchange;
    // What came without a known key is nobody's use; the metrics count it.
    if (keyId === null) return true;
    const hour = Math.floor(exchange.at / HOUR_MS);
    const kind = this.#kindOf(exchange);
    let key = this.#keyOf(keyId, exchange.owner);
    let count = key?.hours ?? null;
    while (count !== null && count.hour !== hour) count = count.next;
    if (count === null) {
      if (!this.#hasRoom()) return false;
      key ??= this.#newKey(keyId, exchange.owner);
      count = { hour, requests: 0, errors: 0, timeUs: 0, kind, ofKind: 1, others: null, next: key.hours };
      key.hours = count;
    } else if (count.kind === kind) count.ofKind++;
    else if (!this.#addOther(count, kind)) return false;
    addTotals(count, exchange);
    if (exchange.allowed && key !== undefined) addUse(key, exchange);
    return true;
  }

  /** Takes what waits for up to `max` keys, those that have waited longest first. */
  take(max: number): Taken {
    const batch = new BatchContent();
    let taken = 0;
    for (const [name, key] of this.#keys) {
      if (taken === max) break;
      taken++;
      this.#keys.delete(name);
      this.#size -= sizeOf(key);
      batch.add(key);
    }
    return batch.content();
  }

  #hasRoom(): boolean {
    if (this.#size >= this.#max) return false;
    this.#size++;
    return true;
  }

  #addOther(count: HourCount, kind: Kind): boolean {
    const known = count.others?.get(kind);
    if (known === undefined && !this.#hasRoom()) return false;
    count.others ??= new Map();
    count.others.set(kind, (known ?? 0) + 1);
    return true;
  }

  #keyOf(keyId: string, owner: string | null): KeyCount | undefined {
    const found = this.#keys.get(keyId);
    // The key changed hands just now: until it is written, each owner's part is counted for itself.
    return found === undefined || found.owner === owner ? found : this.#keys.get(`${keyId}\n${owner}`);
  }

  #newKey(keyId: string, owner: string | null): KeyCount {
    const key: KeyCount = { keyId, owner, lastUsedAt: null, previousLastUsedAt: null, hours: null };
    this.#keys.set(this.#keys.has(keyId) ? `${keyId}\n${owner}` : keyId, key);
    return key;
  }

  #kindOf(exchange: Exchange): Kind {
    const { route } = exchange;
    const denial = exchange.allowed ? null : exchange.code;
    const method = METHOD_INDEX.get(exchange.method) ?? OTHER_METHOD;
    const index = method * CODES + (denial === null ? 0 : (CODE_INDEX.get(denial) ?? 0));
    let kinds = this.#kinds.get(route);
    if (kinds === undefined) {
      if (this.#kinds.size >= MAX_ROUTES) this.#kinds.clear();
      kinds = Array.from<Kind | undefined>({ length: METHODS.length * CODES });
      this.#kinds.set(route, kinds);
    }
    let kind = kinds[index];
    if (kind === undefined) {
      kind = { endpoint: pathOf(route), method: METHODS[method] as string, denial };
      kinds[index] = kind;
    }
    return kind;
  }
}

function addTotals(count: HourCount, exchange: Exchange): void {
  const { status, durationMs, aborted } = exchange;
  // The answer to an upgrade is its head; the connection that follows is none, and may last for days.
  const tookMs = status === 101 ? (exchange.upstreamMs ?? 0) : durationMs;
  count.requests++;
  if (status >= 400 || status === 0 || aborted !== null) count.errors++;
  count.timeUs += Math.round(tookMs * 1000);
}

function addUse(key: KeyCount, { at, previousSecret }: Exchange): void {
  if (key.lastUsedAt === null || key.lastUsedAt < at) key.lastUsedAt = at;
  if (previousSecret) key.previousLastUsedAt = Math.max(key.previousLastUsedAt ?? at, at);
}

function sizeOf(key: KeyCount): number {
  let size = 0;
  for (let count = key.hours; count !== null; count = count.next) size += 1 + (count.others?.size ?? 0);
  return size;
}

/** The path part of a route's pattern, `GET /api/domains/:id`. */
function pathOf(route: string | null): string {
  return route === null ? '' : route.slice(route.indexOf(' ') + 1);
}
