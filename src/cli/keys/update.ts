import { KeyError } from '../../keys/key-error.ts';
import type { ManagementClient, Versioned } from '../../management/client.ts';
import { ManagementError } from '../../management/failures.ts';
import type { KeyAnswer, KeyChanged, KeyUpdate } from '../../management/schemas/key.ts';
import { RESTRICTION_VALUES, SIMPLE_RESTRICTIONS } from '../../restrictions/index.ts';
import type { Args } from '../args.ts';
import type { Command, Flag } from '../command.ts';
import { usageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { CHANGE_FLAGS, changeKey, ID_ARGUMENT, idOf } from './common.ts';
import {
  buildsOn,
  FIELD_FLAGS,
  type FieldBase,
  type FieldOptions,
  fieldsOf,
  NOTHING,
  readFields,
  writable,
} from './fields.ts';

/** How often a change is made anew when somebody else changed the key in between. */
const MAX_ATTEMPTS = 5;

/** What is left of a field that is cleared; of times, hours and days a part may stay, and limits are read with the key. */
const CLEARED: Readonly<Record<string, KeyUpdate>> = {
  ...Object.fromEntries(SIMPLE_RESTRICTIONS.map(({ name, field, none }) => [name, { [field]: none }])),
  shadow: { shadow: [] },
  limits: { limits: {} },
  metadata: { metadata: {} },
  permissions: { permissions: [] },
  preset: { preset: null },
  roles: { roles: [] },
  description: { description: '' },
};
const TIMES = ['time', 'hours', 'days'];
const CLEARABLE: readonly string[] = [...Object.keys(CLEARED), ...TIMES];

export const CLEAR_FLAG: Flag = {
  name: 'clear',
  value: 'WHAT',
  repeatable: true,
  summary: `Empty something first: ${CLEARABLE.join(', ')}.`,
  suggestions: CLEARABLE,
};

/** Options that give a whole list, where others change one entry. */
const REPLACING = FIELD_FLAGS.filter(({ name, repeatable }) => name === 'days' || (repeatable && name !== 'metadata'));

export const keysUpdate: Command = {
  words: ['keys', 'update'],
  summary: 'Changes what the options name about a key, and nothing else.',
  arguments: [ID_ARGUMENT],
  flags: [...FIELD_FLAGS, CLEAR_FLAG, ...CHANGE_FLAGS],
  notes: [
    `${REPLACING.map(({ name }) => `--${name}`).join(', ')} replace all that was there; --metadata and the limits change one by one. A key keeps its type: make a new key for another one.`,
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
  const change: Change = { id: idOf(args), options, cleared, now: io.clock.now() };
  return changeKey(
    args,
    io,
    (client, version) => update(client, change, version),
    (key) => `${key.id} is updated.`,
  );
}

interface Change {
  readonly id: string;
  readonly options: FieldOptions;
  readonly cleared: ReadonlySet<string>;
  readonly now: number;
}

/** Where only a part of a field changes, what is written was made of what was read: of nothing newer, and nothing older. */
async function update(client: ManagementClient, change: Change, version: Versioned): Promise<KeyChanged> {
  const { id, options, cleared, now } = change;
  if (!buildsOn(options) && !cleared.has('hours') && !cleared.has('days')) {
    return client.updateKey(id, { ...changedBy(cleared, NOTHING), ...fieldsOf(options, NOTHING, now) }, version);
  }
  for (let attempt = 1; ; attempt++) {
    const key = await client.getKey(id);
    const body = updateOf(key, options, cleared, now);
    try {
      return await client.updateKey(id, body, version.ifMatch === undefined ? { ifMatch: [key.version] } : version);
    } catch (error) {
      if (!isStale(error) || version.ifMatch !== undefined || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

/** What of a key the options build on. */
type Changeable = Pick<KeyAnswer, 'limit_overrides' | 'metadata' | 'time_restrictions'>;

/** What is sent for the options, for a key as it is. */
export function updateOf(key: Changeable, options: FieldOptions, cleared: ReadonlySet<string>, now: number): KeyUpdate {
  const base = clear(key, cleared);
  mustBeReadable(key, options, cleared);
  return { ...changedBy(cleared, base), ...fieldsOf(options, base, now) };
}

/** What a newer version says of times must not be lost when a part of it changes. */
function mustBeReadable(key: Changeable, { time }: FieldOptions, cleared: ReadonlySet<string>): void {
  const changesPart = Object.keys(time).length > 0 || cleared.has('hours') || cleared.has('days');
  if (!changesPart || cleared.has('time')) return;
  if (RESTRICTION_VALUES.time_restrictions.safeParse(key.time_restrictions).success) return;
  throw usageError('the times of this key cannot be read by this version; to replace them give --clear time as well');
}

function isStale(error: unknown): boolean {
  if (error instanceof ManagementError) return error.code === 'precondition_failed';
  return error instanceof KeyError && error.code === 'KEY_STALE';
}

/** @throws CliError `USAGE` for what cannot be cleared */
export function readCleared(names: readonly string[]): ReadonlySet<string> {
  const cleared = new Set<string>();
  for (const name of names) {
    const known = CLEARABLE.find((each) => each === name);
    if (known === undefined) throw usageError(`--clear: "${name}" is not known; expected ${CLEARABLE.join(', ')}`);
    cleared.add(known);
  }
  return cleared;
}

/** What is left of the key for the options to build on. */
function clear(key: Changeable, cleared: ReadonlySet<string>): FieldBase {
  const time = cleared.has('time') ? null : key.time_restrictions;
  const hours = cleared.has('hours') ? [] : (time?.allowed_hours ?? []);
  const days = cleared.has('days') ? [] : (time?.allowed_days ?? []);
  const restricts = time !== null && hours.length + days.length > 0;
  return {
    limits: cleared.has('limits') ? {} : key.limit_overrides,
    metadata: cleared.has('metadata') ? {} : key.metadata,
    time: restricts ? { timezone: time.timezone, allowed_hours: hours, allowed_days: days } : null,
  };
}

/** The fields that clearing alone changes. */
function changedBy(cleared: ReadonlySet<string>, base: FieldBase): KeyUpdate {
  const times = TIMES.some((name) => cleared.has(name));
  return Object.assign(
    times ? { time_restrictions: base.time === null ? null : writable(base.time) } : {},
    ...[...cleared].map((name) => CLEARED[name] ?? {}),
  ) as KeyUpdate;
}
