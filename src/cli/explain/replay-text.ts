import { count } from '../../explain/bounded-text.ts';
import type { Changed, ChangedGroup, PermissionUse, ReplayReport } from '../../explain/replay-report.ts';
import type { SkipReason } from '../../explain/replay-request.ts';
import { oneLine } from '../../observe/log-text.ts';
import type { Io } from '../io.ts';
import { type Column, table } from '../table.ts';
import type { Compared } from './replay-compared.ts';

/** Groups of each kind, and keys, that a person is shown. */
const MAX_SHOWN = 20;

const SKIPPED: Readonly<Record<SkipReason, string>> = {
  unreadable_line: 'lines that cannot be read',
  no_request: 'lines about something else than a request',
  key_not_given: 'entries that name no key',
  other_key: 'of another key, or of none',
  outside_period: 'outside the period',
  no_path: 'refused before their path was known',
  path_cut: 'of whose path the log has only the beginning',
  unknown_key: 'of keys that are not there any more',
  unreadable_key: 'of keys that cannot be read',
  not_decided: 'refused for reasons that no key or configuration decides',
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

function readText({ read, replayed, withoutKey, keys, period, skipped }: ReplayReport, compared: Compared): string[] {
  const without = withoutKey === 0 ? '' : `, ${count(withoutKey)} without a known key`;
  const when = period === null ? '' : `, ${moment(period.first)} to ${moment(period.last)}`;
  const { unreadableLines } = compared;
  const entries = Object.entries(skipped) as [SkipReason, number][];
  const lines = unreadableLines.length === 0 ? '' : ` (line ${unreadableLines.join(', ')}${more(skipped, compared)})`;
  return [
    `Replayed: ${count(replayed)} of ${count(read)} requests, of ${count(keys)} ${keys === 1 ? 'key' : 'keys'}${without}${when}.`,
    ...entries.map(
      ([reason, number]) => `Skipped:  ${count(number)} ${SKIPPED[reason]}${reason === 'unreadable_line' ? lines : ''}`,
    ),
  ];
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
  const further = rest === 0 ? [] : [`… and ${count(rest)} further requests; --json lists more`];
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
    ...(omitted === 0 ? [] : [`… and ${count(omitted)} further keys`]),
  ];
}

function useText({ keyId, keyName, requests, first, last, neverUsed, wildcards, wouldDo }: PermissionUse): string[] {
  const unused = neverUsed.map(({ permission, from }) => `${permission} (${from.join(', ')})`);
  return [
    `${keyId} (${keyName}): ${count(requests)} ${requests === 1 ? 'request' : 'requests'}, ${moment(first)} to ${moment(last)}`,
    ...(unused.length === 0 ? [] : [`  never used: ${unused.join(', ')}`]),
    ...wildcards.map(({ permission, usedAs }) => `  ${permission} was used only as ${usedAs.join(', ')}`),
    `  would do: ${wouldDo.length === 0 ? 'no permission at all' : wouldDo.join(', ')}`,
  ];
}

/** `2027-01-17 10:30:00Z` */
function moment(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}
