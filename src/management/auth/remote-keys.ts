import { type CryptoKey, errors, type JWTHeaderParameters, type LocalJWKSet } from 'jose';
import type { Clock } from '../../core/clock.ts';
import { inTime } from '../../observe/repeat.ts';
import { ManagementError } from '../failures.ts';
import { fetchKeys, KeysUnreadable } from './fetch-keys.ts';
import { ASYMMETRIC, type KeySource } from './key-source.ts';
import { type OnTrouble, Trouble } from './trouble.ts';

/** After this age keys are read again. */
const FRESH_MS = 10 * 60_000;
/** How long keys stay in use while their issuer cannot be asked; one that it withdrew works for no longer. */
const MAX_STALE_MS = 60 * 60_000;
/** How often a key that is not among them may have them read again: made-up names must not become a flood of requests. */
const UNKNOWN_KEY_PAUSE_MS = 30_000;
/** How soon after a failure it is tried again. */
const FAILURE_PAUSE_MS = 5_000;
/**
 * How long an issuer that answered the last time is waited for while there are older keys to use: so one that is well has
 * the keys that it withdrew end in time, and one that hangs costs this once, and not for each call.
 */
const PATIENCE_MS = 1_000;

interface Known {
  readonly find: LocalJWKSet;
  /** When they were read, in milliseconds since the epoch. */
  readonly at: number;
}

interface Reading {
  /** Whether there are new keys; never rejects. */
  readonly done: Promise<boolean>;
  /** When it is done, or older keys should be used. */
  readonly soon: Promise<void>;
}

/** Tokens whose keys their issuer publishes at an address, as a JWKS. New keys are found when a token first names one. */
export function remoteKeySource(url: string, clock: Clock, onTrouble: OnTrouble): KeySource {
  const keys = new RemoteKeys(url, clock, onTrouble);
  return { algorithms: ASYMMETRIC, warnings: [], key: (header) => keys.find(header) };
}

class RemoteKeys {
  readonly #url: string;
  readonly #clock: Clock;
  readonly #trouble: Trouble;
  #known: Known | null = null;
  /** The one that runs: whoever asks at the same time waits for the same answer. */
  #reading: Reading | null = null;
  /** When the last one ended, in milliseconds since the epoch. */
  #endedAt = Number.NEGATIVE_INFINITY;
  /** What the last one failed with; null when it did not. */
  #failure: unknown = null;

  constructor(url: string, clock: Clock, onTrouble: OnTrouble) {
    this.#url = url;
    this.#clock = clock;
    this.#trouble = new Trouble(onTrouble, clock);
  }

  async find(header: JWTHeaderParameters): Promise<CryptoKey> {
    const { find } = await this.#current();
    try {
      return await find(header);
    } catch (error) {
      const isUnknown = error instanceof errors.JWKSNoMatchingKey;
      if (!isUnknown || !this.#mayReadAfter(UNKNOWN_KEY_PAUSE_MS) || !(await this.#read().done)) throw error;
      return (await this.#current()).find(header);
    }
  }

  /** @throws ManagementError token_keys_unavailable */
  async #current(): Promise<Known> {
    const fresh = this.#youngerThan(FRESH_MS);
    if (fresh !== null) return fresh;
    const isUsable = this.#youngerThan(MAX_STALE_MS) !== null;
    if (this.#mayReadAfter(FAILURE_PAUSE_MS)) {
      const { done, soon } = this.#read();
      await (isUsable ? soon : done);
    }
    const known = this.#youngerThan(MAX_STALE_MS);
    if (known !== null) return known;
    const detail = 'The issuer of tokens does not answer; this says nothing about yours.';
    throw new ManagementError('token_keys_unavailable', detail, [], undefined, { cause: this.#failure });
  }

  #youngerThan(ms: number): Known | null {
    return this.#known !== null && this.#age(this.#known.at) < ms ? this.#known : null;
  }

  #mayReadAfter(pauseMs: number): boolean {
    return this.#reading !== null || this.#age(this.#endedAt) >= pauseMs;
  }

  /** A clock that was set back makes nothing young again. */
  #age(since: number): number {
    const now = this.#clock.now();
    return now < since ? Number.POSITIVE_INFINITY : now - since;
  }

  #read(): Reading {
    if (this.#reading !== null) return this.#reading;
    const hadFailed = this.#failure !== null;
    const done = this.#readOnce();
    this.#reading = { done, soon: hadFailed ? Promise.resolve() : inTime(done, PATIENCE_MS) };
    return this.#reading;
  }

  async #readOnce(): Promise<boolean> {
    const at = this.#clock.now();
    try {
      this.#known = { find: await fetchKeys(this.#url), at };
      this.#failure = null;
      this.#trouble.over();
      return true;
    } catch (error) {
      this.#failure = error;
      if (error instanceof KeysUnreadable) this.#trouble.is(error);
      return false;
    } finally {
      this.#endedAt = this.#clock.now();
      this.#reading = null;
    }
  }
}
