import type { Lease } from '../core/limits.ts';

/** What was admitted while the ledger could not be asked, and it must be told of before it grants more. */
export interface Debts {
  /** Whether something is owed of this key, or was in an hour that has passed. */
  owes(keyId: string): boolean;
  /** What is owed of this key now; null when that is nothing. */
  owed(keyId: string): Owed | null;
  /** The ledger was asked for as many, and for more beside; it granted so many, of which what is owed comes first. */
  told(owed: Owed, answer: Lease): void;
}

/** What the ledger must be told of a key. */
export interface Owed {
  readonly keyId: string;
  readonly untold: number;
  /** Of which hour, as an index since the epoch. */
  readonly hour: number;
}

/** Of one who is never alone. */
export const NO_DEBTS: Debts = { owes: () => false, owed: () => null, told: () => undefined };
