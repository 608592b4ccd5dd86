import type { PlacesError, PlacesTrouble, PlacesUpdates } from '../core/places.ts';
import { fetchList, invalidList, NO_VALIDATORS, URL_SETTING } from './fetch-list.ts';
import { type GoodList, KEPT_SETTING, keepList, readKeptList } from './kept-list.ts';
import { type PlacesOptions, systemRandom } from './options.ts';
import { asPlacesError, SourceRecord } from './record.ts';
import { MAX_TOR_BYTES, parseTorList } from './tor-list.ts';

/** How often it is asked whether a fetch is due. */
export const TICK_MS = 5_000;
/** After the first failure; each that follows doubles it, up to the time between two fetches. */
const FIRST_RETRY_MS = 10_000;
const MAX_DOUBLINGS = 20;
/** Gateways that started together, and those of others, should not ask together: so much more or less. */
const JITTER = 0.1;
/** How long `stop` waits for what is under way. */
const STOP_TIMEOUT_MS = 1_000;

/** Where a list is fetched from. */
export interface ListAddress {
  readonly url: string;
  /** Between two fetches, give or take a tenth. */
  readonly refreshMs: number;
  /** Where the last good list is kept over a restart; null: nowhere. */
  readonly keptFile: string | null;
}

/** A list that is fetched now and then. The last good one serves until the next is fetched and believed. */
export class FetchedTorList {
  readonly #address: ListAddress;
  readonly #options: PlacesOptions;
  readonly #random: () => number;
  readonly #record: SourceRecord;
  readonly #ending = new AbortController();
  #good: GoodList | null = null;
  /** How many fetches failed since the last that did not. */
  #failures = 0;
  /** When the last fetch ended, and how long after that the next is due, in milliseconds. */
  #endedAt = 0;
  #waitMs = 0;
  #fetching: Promise<void> | null = null;
  #stopTicking: () => void = () => undefined;

  private constructor(address: ListAddress, options: PlacesOptions) {
    this.#address = address;
    this.#options = options;
    this.#random = options.random ?? systemRandom;
    this.#record = new SourceRecord(options.clock, options.onEvent);
  }

  /** Begins with the list that was kept, if there is one. Never rejects: that one cannot be used is told as trouble. */
  static async open(address: ListAddress, options: PlacesOptions): Promise<FetchedTorList> {
    const list = new FetchedTorList(address, options);
    await list.#readKept();
    return list;
  }

  /** What serves; null: nothing was fetched yet. */
  get good(): GoodList | null {
    return this.#good;
  }

  get troubles(): readonly PlacesTrouble[] {
    return this.#record.troubles;
  }

  get updates(): PlacesUpdates {
    return this.#record.updates;
  }

  /** Fetches, and goes on to do so. Nobody waits for it. */
  start(): void {
    this.#stopTicking = this.#options.repeat(() => this.tick(), TICK_MS);
    void this.tick();
  }

  /** Ends a fetch that is under way, and resolves when it has ended, or after a second. */
  async stop(): Promise<void> {
    this.#stopTicking();
    this.#ending.abort();
    if (this.#fetching === null) return;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, STOP_TIMEOUT_MS);
    await Promise.race([this.#fetching, late]);
    clearTimeout(timer);
  }

  /** Fetches when that is due; resolves when nothing is under way. Never rejects. */
  tick(): Promise<void> {
    if (this.#fetching === null && this.#isDue()) {
      this.#fetching = this.#update().finally(() => {
        this.#fetching = null;
      });
    }
    return this.#fetching ?? Promise.resolve();
  }

  /** A clock that was set back must not put off the next fetch. */
  #isDue(): boolean {
    const waited = this.#options.clock.now() - this.#endedAt;
    return !this.#ending.signal.aborted && (waited >= this.#waitMs || waited < 0);
  }

  async #readKept(): Promise<void> {
    const { url, keptFile } = this.#address;
    if (keptFile === null) return;
    try {
      this.#good = await readKeptList(keptFile, url);
    } catch (error) {
      this.#record.trouble(asPlacesError(error, KEPT_SETTING, `${JSON.stringify(keptFile)} cannot be read`));
    }
  }

  async #update(): Promise<void> {
    try {
      await this.#fetch();
      this.#failures = 0;
      this.#wait(this.#address.refreshMs);
    } catch (error) {
      if (this.#ending.signal.aborted) return;
      this.#record.trouble(asPlacesError(error, URL_SETTING, 'cannot be fetched'));
      this.#record.updates.failure++;
      const backoffMs = FIRST_RETRY_MS * 2 ** Math.min(this.#failures, MAX_DOUBLINGS);
      this.#failures++;
      this.#wait(Math.min(this.#address.refreshMs, backoffMs));
    }
  }

  #wait(ms: number): void {
    this.#endedAt = this.#options.clock.now();
    this.#waitMs = ms * (1 - JITTER + 2 * JITTER * this.#random());
  }

  /** @throws PlacesError when there is no list to be had, or none that can be believed */
  async #fetch(): Promise<void> {
    const { clock, fetchTimeoutMs: timeoutMs } = this.#options;
    const known = this.#good ?? NO_VALIDATORS;
    const { signal } = this.#ending;
    const fetched = await fetchList(this.#address.url, known, { limit: MAX_TOR_BYTES, signal, timeoutMs });
    const at = clock.now();
    if (fetched === null) {
      // Only who has a list can be told that it is still the one.
      if (this.#good !== null) this.#good = { ...this.#good, at };
      this.#record.updates.unchanged++;
    } else {
      const exits = await parseTorList(fetched.bytes, this.#good?.exits ?? null);
      if (typeof exits === 'string') throw invalidList(this.#address.url, exits);
      const { etag, lastModified } = fetched;
      const isNew = this.#good === null || !sameMembers(exits.addresses, this.#good.exits.addresses);
      this.#good = { exits, at, etag, lastModified };
      if (isNew) this.#record.updated(URL_SETTING, `${exits.addresses.size} addresses`);
      else this.#record.updates.unchanged++;
    }
    this.#record.recovered(URL_SETTING);
    await this.#keep();
  }

  async #keep(): Promise<void> {
    const { url, keptFile } = this.#address;
    if (keptFile === null || this.#good === null) return;
    try {
      await keepList(keptFile, url, this.#good);
      this.#record.recovered(KEPT_SETTING);
    } catch (error) {
      const failure: PlacesError = asPlacesError(error, KEPT_SETTING, `${JSON.stringify(keptFile)} cannot be written`);
      this.#record.trouble(failure);
    }
  }
}

function sameMembers(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((member) => b.has(member));
}
