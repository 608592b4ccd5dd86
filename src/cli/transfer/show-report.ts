import { oneLine } from '../../observe/log-text.ts';
import { DONE, FAILED } from '../failure.ts';
import type { Io } from '../io.ts';
import { timeText } from '../keys/show-key.ts';
import { type Column, table } from '../table.ts';
import { keys, type Report, SHOWN_FAULTS, SHOWN_KEYS, type StoredEntry } from './report.ts';

const INTERRUPTED = 130;

const COLUMNS: readonly Column<StoredEntry>[] = [
  { title: 'LINE', cell: ({ line }) => String(line), right: true },
  { title: 'NAME', cell: ({ name }) => name, shortest: 12 },
  { title: 'HINT', cell: ({ hint }) => hint },
  { title: 'TYPE', cell: ({ type }) => type },
  { title: 'OWNER', cell: ({ owner }) => owner, shortest: 8 },
  { title: 'TIER', cell: ({ tier }) => tier, goes: 2 },
  { title: 'MAY', cell: mayDo, shortest: 12 },
  { title: 'CREATED', cell: ({ created_at }) => timeText(created_at), goes: 3 },
  { title: 'EXPIRES', cell: ({ expires_at }) => timeText(expires_at), goes: 1 },
];

function mayDo({ permissions, preset, roles }: StoredEntry): string {
  const parts = [
    ...permissions,
    ...(preset === null ? [] : [`preset ${preset}`]),
    ...roles.map((role) => `role ${role}`),
  ];
  return parts.length === 0 ? 'nothing' : parts.join(', ');
}

/** Tells what became of a file: all of it in JSON, counts and the first rows for a person. @returns the exit code */
export function showReport(report: Report, io: Io, json: boolean): number {
  if (json) io.out(JSON.stringify(report.json()));
  else showText(report, io);
  if (report.isInterrupted) return INTERRUPTED;
  return report.isBlocked || report.isIncomplete ? FAILED : DONE;
}

function showText(report: Report, io: Io): void {
  const { options, counts } = report;
  for (const [faults, count] of [
    [report.conflicts, counts.conflicts],
    [report.refused, counts.refused],
  ] as const) {
    const told = faults.filter(({ repeats }) => repeats !== true);
    for (const { line, field, message } of told.slice(0, SHOWN_FAULTS)) {
      io.say(oneLine(`${options.file}:${line}: ${field === null ? '' : `${field}: `}${message}`));
    }
    if (count > SHOWN_FAULTS) io.say(`… and more, ${count} rows in all; --json lists them`);
  }
  const shown = report.isBlocked ? [] : report.stored.slice(0, SHOWN_KEYS);
  if (options.isDryRun && shown.length > 0) {
    io.out(table(COLUMNS, shown, io));
    if (counts.stored > shown.length) io.out(`… and ${counts.stored - shown.length} more`);
  }
  for (const warning of report.warnings()) io.say(`latchkey: warning: ${warning}`);
  io.out(summary(report));
}

/** `Imported 12 keys. 3 were there already.` */
function summary({ options, counts, isBlocked, isInterrupted, isIncomplete }: Report): string {
  const { isDryRun, verb } = options;
  const done = verb === 'import' ? 'imported' : 'migrated';
  const roles = counts.roles === 0 ? '' : ` and ${counts.roles} ${counts.roles === 1 ? 'role' : 'roles'}`;
  const parts: string[] = [];
  if (isBlocked) {
    parts.push(
      `Nothing ${isDryRun ? 'would be' : 'was'} ${done}: ${wayOut(counts)}. ${keys(counts.stored)}${roles} could be.`,
    );
  } else if (isDryRun) parts.push(`${keys(counts.stored)}${roles} would be ${done}; nothing was written.`);
  else parts.push(`${done === 'imported' ? 'Imported' : 'Migrated'} ${keys(counts.stored)}${roles}.`);
  if (counts.present > 0) parts.push(`There already: ${counts.present}.`);
  if (!isBlocked && counts.conflicts > 0) parts.push(`Left as they are, though they differ: ${counts.conflicts}.`);
  if (!isBlocked && counts.refused > 0) parts.push(`Refused: ${counts.refused}.`);
  if (isInterrupted) parts.push('Interrupted: run it again to go on.');
  else if (isIncomplete) parts.push('Some could not be written: run it again to go on.');
  return parts.join(' ');
}

function wayOut({ refused, conflicts }: Report['counts']): string {
  const reasons: string[] = [];
  if (refused > 0) reasons.push(`${rows(refused)} refused (mend them, or leave them out with --skip-invalid)`);
  if (conflicts > 0) reasons.push(`${rows(conflicts)} there already (--on-conflict skip leaves them as they are)`);
  return reasons.join(', ');
}

function rows(count: number): string {
  return count === 1 ? '1 row is' : `${count} rows are`;
}
