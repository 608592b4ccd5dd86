import type { KeyRecord } from '../../core/key.ts';
import { StoreError } from '../../core/ports.ts';
import { type Positions, positionsOf } from '../positions.ts';
import { decodeRecord } from '../record.ts';

const NOTHING_KNOWN = { name: '', createdAt: 0, expiresAt: null };

/**
 * The places of a record that an older version stored. One that cannot be understood is listed as well: as if it had no
 * name and never expired.
 *
 * @param created its place in the order of creation, which it has
 */
export function placesOf(id: string, created: string, json: string): Positions {
  const record = decoded(id, json) ?? { id, ...NOTHING_KNOWN };
  return { ...positionsOf(record), created };
}

function decoded(id: string, json: string): KeyRecord | null {
  try {
    return decodeRecord(id, json);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return null;
  }
}
