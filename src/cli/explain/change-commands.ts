import type { ExplanationAnswer } from '../../management/schemas/explain.ts';
import { oneLine } from '../../observe/log-text.ts';
import { SIMPLE_RESTRICTIONS } from '../../restrictions/index.ts';

type Change = ExplanationAnswer['changes'][number];

/** What a shell takes as it is. */
const PLAIN = /^[\w.:/@%+,=-]+$/;

/**
 * The command lines that make a change, as one.
 *
 * @param target options that say where the key is
 * @returns null when there is none: somebody has to edit the configuration, or to wait
 */
export function commandFor(
  change: Change,
  { key, checks }: ExplanationAnswer,
  target: readonly string[],
): string | null {
  const commands: (readonly string[])[] = [];
  // To enable a key is no field of it: whatever else a change does, it begins with that.
  if (checks.some(({ check, code }) => check === change.for && code === 'key_disabled')) commands.push(['enable']);
  if (change.set !== null) {
    const options = updateOptions(change.set);
    if (options === null) return null;
    commands.push(['update', ...options]);
  }
  const lines = commands.map(([verb = '', ...options]) => ['latchkey', 'keys', verb, key.id, ...options, ...target]);
  // What a terminal would act on cannot be shown, and what is shown instead would be another text.
  const isShowable = lines.length > 0 && lines.flat().every((word) => oneLine(word) === word);
  return isShowable ? lines.map((words) => words.map(quoted).join(' ')).join(' && ') : null;
}

/** The options of `keys update` that set these fields; null when there are none for one of them. */
function updateOptions(set: Readonly<Record<string, unknown>>): string[] | null {
  const options = Object.entries(set).map(([field, value]) => optionsFor(field, value));
  return options.includes(null) ? null : options.flatMap((each) => each ?? []);
}

/** The options of `keys update` that set a field; null when there are none. A list that is given replaces the one before. */
function optionsFor(field: string, value: unknown): string[] | null {
  const restriction = SIMPLE_RESTRICTIONS.find((kind) => kind.field === field);
  if (restriction !== undefined) {
    const { name, option } = restriction;
    if (typeof value === 'boolean') return value ? [`--${option.name}`] : ['--clear', name];
    return listOption(option.name, name, value);
  }
  switch (field) {
    case 'time_restrictions':
      return timeOptions(value);
    case 'limits':
      return limitOptions(value);
    case 'permissions':
      return listOption('permission', field, value);
    case 'roles':
      return listOption('role', field, value);
    case 'shadow':
      return listOption('shadow', field, value);
    case 'preset':
      return value === null ? ['--clear', 'preset'] : textOption('preset', value);
    case 'tier':
      return textOption('tier', value);
    case 'expires_at':
      return value === null ? ['--expires', 'never'] : textOption('expires', value);
    default:
      return null;
  }
}

function listOption(flag: string, name: string, value: unknown): string[] | null {
  if (!isTexts(value)) return null;
  return value.length === 0 ? ['--clear', name] : value.flatMap((text) => option(flag, text));
}

function textOption(flag: string, value: unknown): string[] | null {
  return typeof value === 'string' ? option(flag, value) : null;
}

/** All three parts, after what was there is taken away: an option that is not given would leave its part as it is. */
function timeOptions(value: unknown): string[] | null {
  if (value === null) return ['--clear', 'time'];
  const { timezone, allowed_hours: hours, allowed_days: days } = value as Readonly<Record<string, unknown>>;
  if (typeof timezone !== 'string' || !isTexts(hours) || !isTexts(days)) return null;
  return [
    '--clear',
    'time',
    ...hours.flatMap((window) => option('hours', window)),
    ...(days.length === 0 ? [] : option('days', days.join(','))),
    ...option('timezone', timezone),
  ];
}

function limitOptions(value: unknown): string[] {
  const entries = Object.entries(value ?? {});
  return ['--clear', 'limits', ...entries.flatMap(([name, limit]) => option(name.replaceAll('_', '-'), String(limit)))];
}

function option(flag: string, value: string): string[] {
  return value.startsWith('-') ? [`--${flag}=${value}`] : [`--${flag}`, value];
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function quoted(word: string): string {
  return PLAIN.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
