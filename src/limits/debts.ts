import type { Lease, Owed } from '../core/limits.ts';

/** What was admitted while the ledger could not be asked, and it must be told of before it grants more. */
export interface Debts {
  /** Whether something is owed of this key, or was on a day that has passed. */
  owes(keyId: string): boolean;
  /** What is owed of this key now; null when that is nothing. */
  owed(keyId: string): Owed | null;
  /** The ledger has counted it, and answered so. */
  told(keyId: string, owed: Owed, answer: Lease): void;
}

/** Of one who is never alone. */
export const NO_DEBTS: Debts = { owes: () => false, owed: () => null, told: () => undefined };
