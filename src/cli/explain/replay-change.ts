import type { KeyRecord } from '../../core/key.ts';
import { KeyError } from '../../keys/key-error.ts';
import { fieldFaults, type KeyCatalogue, normalFields } from '../../keys/key-input.ts';
import { viewOf } from '../../keys/view.ts';
import { fieldsOf } from '../../management/admin/key-fields.ts';
import type { Args } from '../args.ts';
import { usageError } from '../failure.ts';
import { type FieldOptions, readFields } from '../keys/fields.ts';
import { readCleared, updateOf } from '../keys/update.ts';
import { CHANGE_FLAGS } from './replay-flags.ts';

/** What the options would change about a key. */
export interface KeyChange {
  readonly fields: FieldOptions;
  readonly cleared: ReadonlySet<string>;
}

/**
 * @returns null when no option says anything about the key
 * @throws CliError `USAGE` for a value that makes no sense whatever the key is, or without a key
 */
export function readChange(args: Args): KeyChange | null {
  const named = CHANGE_FLAGS.find(({ name }) => args.has(name));
  if (named === undefined) return null;
  if (!args.has('key')) throw usageError(`--${named.name} would change a key; --key ID says which one`);
  return { fields: readFields(args), cleared: readCleared(args.all('clear')) };
}

/**
 * The record of a key as it would be after `keys update` with the same options; nothing is written.
 *
 * @param catalogue what the key may refer to in the world that is proposed
 * @throws KeyError for what an update would refuse
 */
export function changedRecord(
  record: KeyRecord,
  { fields, cleared }: KeyChange,
  catalogue: KeyCatalogue,
  now: number,
): KeyRecord {
  if (record.status === 'revoked') {
    throw new KeyError('KEY_STATE', `key ${record.id} is revoked, which is for good; it cannot be changed`);
  }
  const update = updateOf(viewOf(record, null, catalogue, now), fields, cleared, now);
  const changes = fieldsOf(update, record, catalogue);
  const faults = fieldFaults(changes, record.type, catalogue, now);
  if (faults.length > 0) {
    throw new KeyError('KEY_INVALID', faults.map(({ field, message }) => `${field}: ${message}`).join('; '), faults);
  }
  return { ...record, ...normalFields(changes) };
}
