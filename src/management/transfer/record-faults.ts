import type { KeyRecord } from '../../core/key.ts';
import { fieldFaults, type KeyCatalogue, typeFaults } from '../../keys/key-input.ts';
import { discreet, type RowFault } from './fault.ts';

/**
 * Why a key that was made elsewhere could not be stored here: the same as will be checked again when it is, so that all of
 * a file can be refused before any of it is written.
 */
export function recordFaults(line: number, record: KeyRecord, catalogue: KeyCatalogue, now: number): RowFault[] {
  const { expiresAt, ...fields } = record;
  const hasEnded = expiresAt !== null && expiresAt <= now;
  const ofType = typeFaults(record.type, catalogue);
  const ofFields = fieldFaults({ ...fields, ...(hasEnded ? {} : { expiresAt }) }, record.type, catalogue, now);
  // A type that is not known brings no tier, which is no fault of its own.
  const faults = [...ofType, ...ofFields.filter(({ field }) => field !== 'tier' || record.tier !== '')];
  return faults.map(({ field, message }) => ({ line, field, message: discreet(message) }));
}
