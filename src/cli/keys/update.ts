import type { KeyRecord } from '../../core/key.ts';
import type { KeyFields } from '../../keys/key-input.ts';
import type { Args } from '../args.ts';
import type { Command } from '../command.ts';
import { usageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { changeKey, ID_ARGUMENT, idOf, STORE_FLAGS } from './common.ts';
import { FIELD_FLAGS, type FieldBase, fieldsOf, readFields } from './fields.ts';

const CLEARABLE = [
  'ip',
  'time',
  'hours',
  'days',
  'preset',
  'permissions',
  'metadata',
  'limits',
  'description',
] as const;
type Clearable = (typeof CLEARABLE)[number];

export const keysUpdate: Command = {
  words: ['keys', 'update'],
  summary: 'Changes what the options name about a key, and nothing else.',
  arguments: [ID_ARGUMENT],
  flags: [
    ...FIELD_FLAGS,
    {
      name: 'clear',
      value: 'WHAT',
      repeatable: true,
      summary: `Empty something first: ${CLEARABLE.join(', ')}.`,
      suggestions: CLEARABLE,
    },
    ...STORE_FLAGS,
  ],
  notes: [
    '--permission, --ip, --hours and --days replace all that was there; --metadata and the limits change one by one. A key keeps its type: make a new key for another one.',
  ],
  examples: [
    'latchkey keys update key_0123456789abcdef01234567 --expires 2027-01-01 --description "until the migration"',
    'latchkey keys update key_0123456789abcdef01234567 --clear ip --per-hour 5000',
  ],
  run,
};

async function run(args: Args, io: Io): Promise<number> {
  const options = readFields(args);
  const cleared = readCleared(args.all('clear'));
  if (cleared.size === 0 && !FIELD_FLAGS.some((flag) => args.has(flag.name))) {
    throw usageError('nothing to change: give at least one option; see latchkey keys update --help');
  }
  const id = idOf(args);
  return changeKey(
    args,
    io,
    async ({ keys, clock }) => {
      const before = await keys.get(id);
      const base = clear(before, cleared);
      return keys.update(id, { ...changedBy(cleared, base), ...fieldsOf(options, base, clock.now()) });
    },
    (record) => `${record.id} is updated.`,
  );
}

function readCleared(names: readonly string[]): ReadonlySet<Clearable> {
  const cleared = new Set<Clearable>();
  for (const name of names) {
    const known = CLEARABLE.find((each) => each === name);
    if (known === undefined) throw usageError(`--clear: "${name}" is not known; expected ${CLEARABLE.join(', ')}`);
    cleared.add(known);
  }
  return cleared;
}

/** What is left of the key for the options to build on. */
function clear(key: KeyRecord, cleared: ReadonlySet<Clearable>): FieldBase {
  const { ip_restrictions, time_restrictions: time } = key.restrictions;
  const kept = time === null || cleared.has('time') ? null : time;
  const hours = cleared.has('hours') ? [] : (kept?.allowed_hours ?? []);
  const days = cleared.has('days') ? [] : (kept?.allowed_days ?? []);
  const restricts = kept !== null && hours.length + days.length > 0;
  return {
    limits: cleared.has('limits') ? {} : key.limits,
    metadata: cleared.has('metadata') ? {} : key.metadata,
    restrictions: {
      ip_restrictions: cleared.has('ip') ? [] : ip_restrictions,
      time_restrictions: restricts ? { timezone: kept.timezone, allowed_hours: hours, allowed_days: days } : null,
    },
  };
}

/** The fields that clearing alone changes. */
function changedBy(cleared: ReadonlySet<Clearable>, base: FieldBase): Partial<KeyFields> {
  const restricts = (['ip', 'time', 'hours', 'days'] as const).some((name) => cleared.has(name));
  return {
    ...(restricts ? { restrictions: base.restrictions } : {}),
    ...(cleared.has('limits') ? { limits: base.limits } : {}),
    ...(cleared.has('metadata') ? { metadata: base.metadata } : {}),
    ...(cleared.has('permissions') ? { permissions: [] } : {}),
    ...(cleared.has('preset') ? { preset: null } : {}),
    ...(cleared.has('description') ? { description: '' } : {}),
  };
}
