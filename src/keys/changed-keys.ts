import type { Clock } from '../core/clock.ts';
import type { KeyRecord } from '../core/key.ts';
import { type KeyStore, StoreError } from '../core/ports.ts';
import { isOlder, SeenKeys } from './seen-keys.ts';

/** Changed keys that are read together. */
const READ_TOGETHER = 100;
/** Keys that changed and are in no memory here, which are read in a second; further ones are not. */
const MAX_STRANGERS_A_SECOND = 100;

/** A store that gives an older record of a key than it gave before: it has gone back in time. */
export interface OlderRecord {
  readonly id: string;
  /** The version that the store had once; null: the key was deleted. */
  readonly seen: number | null;
  /** The version that it gives now. */
  readonly found: number;
}

/**
 * What became of the keys that changed, so that a store which loses changes, as a failover to a replica that never had
 * them does, brings no key back to life in a gateway that knew better.
 */
export class ChangedKeys {
  readonly #store: Pick<KeyStore, 'get'>;
  readonly #clock: Clock;
  readonly #seen: SeenKeys;
  /** Number of the stretch of the log of changes that is read now. */
  #era = 0;
  #second = 0;
  #strangers = 0;

  /** @param clock one that never goes back */
  constructor(store: Pick<KeyStore, 'get'>, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    this.#seen = new SeenKeys(clock);
  }

  /**
   * The log of changes does not go on from where it was: it may be another one, of a store that has gone back. What the
   * store has now of the keys that may work again is read: of those that it has as they were seen, it lost nothing, and
   * what becomes of them from here on is believed.
   *
   * @throws StoreError when the store cannot be asked; then call it again
   */
  async breakOff(): Promise<void> {
    this.#era++;
    await this.#readAll(this.#seen.living(), (id, found) => {
      if (found !== null) this.#compare(id, found);
    });
  }

  /** The log of changes goes on, and has more new changes than it holds: the store knows better than what was seen here. */
  forget(): void {
    this.#seen.clear();
  }

  /**
   * Reads keys that the log of changes names.
   *
   * @param isCached those are read in any case, others up to MAX_STRANGERS_A_SECOND
   * @throws StoreError when the store cannot be asked; then what was not read is not known
   */
  async read(ids: readonly string[], isCached: (id: string) => boolean): Promise<void> {
    const wanted = [...new Set(ids)].filter((id) => isCached(id) || this.#seen.has(id) || this.#mayAsk());
    await this.#readAll(wanted, (id, found) => this.#changed(id, found));
  }

  /**
   * What holds of a key that the store gave: the record itself, or what was seen before and is newer; null when it
   * was deleted.
   *
   * @param isCurrent whether nothing changed since the store was asked
   * @param onOlder called when the store had a newer one, though nothing has changed since
   */
  newest(record: KeyRecord, isCurrent: boolean, onOlder: (older: OlderRecord) => void): KeyRecord | null {
    const seen = this.#seen.get(record.id);
    if (seen === undefined) {
      if (isCurrent && record.status !== 'active') this.#seen.set(record.id, record, this.#era);
      return record;
    }
    // A newer one is remembered when the log names it: until then it may be of a store that took over a moment ago.
    if (!isOlder(record, seen.last, seen.era === this.#era)) return record;
    if (isCurrent) onOlder({ id: record.id, seen: seen.last?.version ?? null, found: record.version });
    return seen.last === null ? null : { ...record, ...seen.last };
  }

  async #readAll(ids: readonly string[], take: (id: string, found: KeyRecord | null) => void): Promise<void> {
    for (let i = 0; i < ids.length; i += READ_TOGETHER) {
      await Promise.all(ids.slice(i, i + READ_TOGETHER).map((id) => this.#readOne(id, take)));
    }
  }

  async #readOne(id: string, take: (id: string, found: KeyRecord | null) => void): Promise<void> {
    try {
      take(id, await this.#store.get(id));
    } catch (error) {
      // Nobody can use a record that cannot be understood, and the log of changes goes on.
      if (!(error instanceof StoreError) || error.code !== 'STORE_CORRUPT') throw error;
    }
  }

  #changed(id: string, found: KeyRecord | null): void {
    const isOneLog = this.#seen.get(id)?.era === this.#era;
    // While the log goes on, what the store says now is newer, as for a key that was restored.
    if (!isOneLog && found !== null) this.#compare(id, found);
    // Nothing can be older than the first version of a key.
    else if (found?.version === 1) this.#seen.delete(id);
    else this.#seen.set(id, found, this.#era);
  }

  /** Remembers a record of another stretch of the log, unless it is older than what was seen. */
  #compare(id: string, found: KeyRecord): void {
    const seen = this.#seen.get(id);
    if (seen === undefined && found.version === 1) return;
    if (seen === undefined || !isOlder(found, seen.last, false)) this.#seen.set(id, found, this.#era);
  }

  #mayAsk(): boolean {
    const second = Math.floor(this.#clock.now() / 1_000);
    if (second !== this.#second) this.#strangers = 0;
    this.#second = second;
    return ++this.#strangers <= MAX_STRANGERS_A_SECOND;
  }
}
