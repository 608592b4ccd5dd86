import { count } from '../../explain/bounded-text.ts';
import type { Changed, ChangedGroup, PermissionUse, ReplayReport } from '../../explain/replay-report.ts';
import type { SkipReason } from '../../explain/replay-request.ts';
import { oneLine } from '../../observe/log-text.ts';
import type { Io } from '../io.ts';
import { type Column, table } from '../table.ts';
import type { Compared } from './replay-json.ts';

/** Groups of each kind, and keys, that a person is shown. */
const MAX_SHOWN = 20;

/** What each skipped thing is called, one and many. */
const SKIPPED: Readonly<Record<SkipReason, readonly [one: string, many: string]>> = {
  unreadable_line: ['line or entry that cannot be read', 'lines or entries that cannot be read'],
  no_request: ['line about something else than a request', 'lines about something else than a request'],
  key_not_given: ['entry that names no key', 'entries that name no key'],
  other_key: ['of another key, or of none', 'of another key, or of none'],
  outside_period: ['outside the period', 'outside the period'],
  no_path: ['refused before its path was known', 'refused before their path was known'],
  path_cut: ['of whose path the log has only the beginning', 'of whose path the log has only the beginning'],
  unknown_key: ['of a key that is not there any more', 'of keys that are not there any more'],
  unreadable_key: ['of a key that cannot be read', 'of keys that cannot be read'],
  not_decided: [
    'refused for a reason that no key or configuration decides',
    'refused for reasons that no key or configuration decides',
  ],
  not_logged: ['that depends on a header that no log has', 'that depend on a header that no log has'],
  place_unknown: [
    'that depends on what gateways know of addresses and this machine does not',
    'that depend on what gateways know of addresses and this machine does not',
  ],
};

/** A replay for a person. */
export function replayText(report: ReplayReport, compared: Compared, notes: readonly string[], io: Io): string {
  const { newlyDenied, newlyAllowed, deniedDifferently } = report;
  return [
    comparedText(compared),
    ...readText(report, compared),
    '',
    sameText(report),
    total('Newly denied:        ', newlyDenied, 'red', io),
    total('Newly allowed:       ', newlyAllowed, 'yellow', io),
    total('Denied differently:  ', deniedDifferently, 'dim', io),
    ...changedText('NEWLY DENIED', newlyDenied, io),
    ...changedText('NEWLY ALLOWED', newlyAllowed, io),
    ...changedText('DENIED DIFFERENTLY', deniedDifferently, io),
    ...permissionsText(report, io),
    ...(notes.length === 0 ? [] : ['', ...notes.map((note) => oneLine(`Note: ${note}`))]),
  ].join('\n');
}

function comparedText({ before, after }: Compared): string {
  const config = after.config ?? 'the default configuration';
  if (before === 'recorded') {
    return oneLine(
      `Compared: what was recorded, with what would happen today (${config}). Nothing is proposed: --proposed FILE, or --key ID with options of "keys update", would compare today with that.`,
    );
  }
  const key = after.changed_key === null ? '' : `${after.changed_key} as it would be changed`;
  const proposed = after.is_proposed ? config : '';
  return oneLine(
    `Compared: what would happen today, with ${[proposed, key].filter((each) => each !== '').join(' and ')}.`,
  );
}

function readText(report: ReplayReport, compared: Compared): string[] {
  const { read, replayed, period, skipped } = report;
  const when = period === null ? '' : `, ${moment(period.first)} to ${moment(period.last)}`;
  // Of a line that is a list, each entry may be one of them.
  const unreadableLines = [...new Set(compared.unreadableLines)];
  const entries = Object.entries(skipped) as [SkipReason, number][];
  const lines = unreadableLines.length === 0 ? '' : ` (line ${unreadableLines.join(', ')}${more(skipped, compared)})`;
  return [
    `Replayed: ${count(replayed)} of ${counted(read, 'request')}${ofKeys(report)}${when}.`,
    ...entries.map(
      ([reason, number]) =>
        `Skipped:  ${counted(number, ...SKIPPED[reason])}${reason === 'unreadable_line' ? lines : ''}`,
    ),
  ];
}

function ofKeys({ keys, replayed, withoutKey }: ReplayReport): string {
  const of = counted(keys, 'key');
  if (withoutKey === 0) return `, of ${of}`;
  const without = `, ${count(withoutKey)} of them without a known key`;
  return withoutKey === replayed ? without : `${without}, the others of ${of}`;
}

function more(skipped: ReplayReport['skipped'], { unreadableLines }: Compared): string {
  return (skipped.unreadable_line ?? 0) > unreadableLines.length ? ', …' : '';
}

function sameText({ sameAllowed, sameDenied }: ReplayReport): string {
  const parts = `${count(sameAllowed)} let through, ${count(sameDenied)} denied`;
  return `The same:            ${count(sameAllowed + sameDenied)} (${parts})`;
}

function total(title: string, { requests }: Changed, style: 'red' | 'yellow' | 'dim', io: Io): string {
  return requests === 0 ? `${title}0` : io.paint(style, `${title}${count(requests)}`);
}

const COLUMNS: readonly Column<ChangedGroup>[] = [
  { title: 'REQUESTS', cell: (group) => count(group.count), right: true },
  { title: 'KEY', cell: ({ keyId }) => keyId ?? '(none)' },
  { title: 'NAME', cell: ({ keyName }) => keyName ?? '', shortest: 8, goes: 3 },
  { title: 'ROUTE', cell: ({ route }) => route ?? '(none)', shortest: 16 },
  { title: 'CODE', cell: codeText },
  { title: 'FIRST', cell: ({ first }) => moment(first), goes: 2 },
  { title: 'LAST', cell: ({ last }) => moment(last), goes: 2 },
  { title: 'EXAMPLE', cell: ({ example }) => example.requestId, shortest: 12, goes: 1 },
];

function codeText({ before, after }: ChangedGroup): string {
  if (before === null) return after ?? '';
  return after === null ? before : `${before} -> ${after}`;
}

function changedText(title: string, { requests, groups }: Changed, io: Io): string[] {
  if (requests === 0) return [];
  const shown = groups.slice(0, MAX_SHOWN);
  const rest = requests - shown.reduce((sum, group) => sum + group.count, 0);
  const further = rest === 0 ? [] : [`… and ${counted(rest, 'further request')}; --json lists more`];
  return ['', io.paint('bold', title), table(COLUMNS, shown, io), ...further];
}

function permissionsText({ permissions, permissionsLeftOut }: ReplayReport, io: Io): string[] {
  if (permissions.length === 0) return [];
  const omitted = Math.max(0, permissions.length - MAX_SHOWN) + permissionsLeftOut;
  return [
    '',
    io.paint('bold', 'PERMISSIONS THAT ARE HELD AND WERE NEVER USED'),
    'By the configuration in force, and by these requests alone: what is done once a year is perhaps not among them.',
    ...permissions.slice(0, MAX_SHOWN).flatMap((use) => useText(use).map((line) => oneLine(line))),
    ...(omitted === 0 ? [] : [`… and ${counted(omitted, 'further key')}`]),
  ];
}

function useText({ keyId, keyName, requests, first, last, neverUsed, wildcards, wouldDo }: PermissionUse): string[] {
  const unused = neverUsed.map(({ permission, from }) => `${permission} (${from.join(', ')})`);
  return [
    `${keyId} (${keyName}): ${counted(requests, 'request')}, ${moment(first)} to ${moment(last)}`,
    ...(unused.length === 0 ? [] : [`  never used: ${unused.join(', ')}`]),
    ...wildcards.map(({ permission, usedAs }) => `  ${permission} was used only as ${usedAs.join(', ')}`),
    `  would do: ${wouldDo.length === 0 ? 'no permission at all' : wouldDo.join(', ')}`,
  ];
}

/** `2027-01-17 10:30:00Z` */
function moment(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

/** What one should know about a replay before one relies on it, as sentences for people. */
export function notesOf(report: ReplayReport, { limits, isStored }: Compared): string[] {
  const { disordered, forgotten, maybeWithKey, read, skipped } = report;
  const unknown = skipped.key_not_given ?? 0;
  const isNoLog = read === 0 && (skipped.unreadable_line ?? 0) > 0;
  return [
    isNoLog ? 'No line is one of a log in JSON, as gateways write it with "format: json" under "log".' : '',
    unknown > 0 ? `${counted(unknown, 'entry names', 'entries name')} no key; --key ID says whose they are.` : '',
    limits
      ? 'Limits are simulated by these requests alone: every key begins with nothing used up, and what the log does not have is not counted.'
      : 'Limits were left out (--no-limits).',
    isStored
      ? 'The store keeps a sample where there are very many requests; the log of a gateway has all of them.'
      : '',
    disordered > 0
      ? `${counted(disordered, 'request stands', 'requests stand')} more than a minute after later ones of the same key: limits were left out there; sort the log by time.`
      : '',
    forgotten > 0
      ? `There are more keys than are kept in memory: ${counted(forgotten, 'time')} the limits of a key began anew.`
      : '',
    maybeWithKey > 0
      ? `${counted(maybeWithKey, 'request')} would be denied with key_missing where no key was looked for: whether there was one, no log tells.`
      : '',
  ].filter((note) => note !== '');
}

/**
 * Why a replay says nothing; null when it says something.
 *
 * @param from what was read: `gateway.log`, `the store`
 */
export function nothingReplayed({ read, replayed }: ReplayReport, from: string): string | null {
  if (replayed > 0) return null;
  if (read === 0) return `no request was replayed: there is none in ${from}`;
  return `no request was replayed: ${read === 1 ? 'the only one' : `each of the ${count(read)}`} in ${from} was skipped`;
}

/** `1 request`, `2,500 requests`. */
function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
