import type { KeyRecord } from '../core/key.ts';
import type { KeyCatalogue } from './key-input.ts';

/** Who acts on keys, for the audit log, and how far it may go. */
export interface Actor {
  readonly subject: string;
  /** The address that it came from, or the name of the machine. */
  readonly from: string;
  readonly requestId: string | null;
  readonly reach: Reach;
}

/** How far an actor may go. */
export interface Reach {
  /** Whether a key is there for it at all: of one that is not, it is told that there is none. */
  sees(key: KeyRecord): boolean;
  /**
   * Asked before every change is written. Throws when it may not be made.
   *
   * @param before null: the key is being made
   * @param after  null: it is being deleted
   */
  allow(before: KeyRecord | null, after: KeyRecord | null, catalogue: KeyCatalogue): void;
}

/** Sees everything, and may do everything. */
export const UNLIMITED: Reach = { sees: () => true, allow: () => undefined };
