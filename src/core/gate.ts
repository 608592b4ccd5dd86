import type { Clock } from './clock.ts';
import type { CompiledRestriction, LoadedKey } from './decision.ts';
import type { Lease } from './limits.ts';
import type { MaybePromise } from './maybe.ts';

/** What the checks may ask. Small on purpose: each has one implementation here and a few lines in a test. */
export interface Gate {
  readonly clock: Clock;
  readonly keys: KeyFinder;
  readonly failures: FailureThrottle;
  readonly limiter: Limiter;
  /** What holds for every request, with a key or without. */
  readonly restrictions: readonly CompiledRestriction[];
}

export interface KeyFinder {
  /** The key that a secret opens when it is in memory; undefined when the store must be asked. */
  peek(secret: string): FoundKey | null | undefined;
  /**
   * Asks the store. Resolves to null when no key has this secret.
   * @throws StoreError when the store cannot say: that is never the same as null.
   */
  find(secret: string): MaybePromise<FoundKey | null>;
  /**
   * Where the key that this secret opened was last let in from, also when the key must be read again before it is used;
   * null when that is not remembered. Asks no store.
   */
  lastAddress(secret: string): string | null;
}

export interface FoundKey {
  readonly key: LoadedKey;
  /** Whether it is the secret that a rotation replaced. */
  readonly previousSecret: boolean;
}

export interface FailureThrottle {
  /** Whole seconds until this address may try again; 0 when it may now. */
  blockedFor(address: string, now: number): number;
  /** Counts one failed authentication. */
  record(address: string, now: number): void;
}

export interface Limiter {
  /** Takes one admission. Never throws: when the store is down, the limits are enforced by this process. */
  admit(key: LoadedKey): MaybePromise<Lease>;
}
