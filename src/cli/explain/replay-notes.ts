import { count } from '../../explain/bounded-text.ts';
import type { ReplayReport } from '../../explain/replay-report.ts';
import type { Compared } from './replay-compared.ts';

/** What one should know about a replay before one relies on it, as sentences for people. */
export function notesOf(report: ReplayReport, { limits, isStored }: Compared): string[] {
  const { disordered, forgotten, maybeWithKey, read, replayed, skipped } = report;
  const unknown = skipped.key_not_given ?? 0;
  const isNoLog = read === 0 && (skipped.unreadable_line ?? 0) > 0;
  return [
    replayed === 0 ? 'No request was replayed.' : '',
    isNoLog ? 'No line is one of a log in JSON, as gateways write it with "format: json" under "log".' : '',
    unknown > 0 ? `${count(unknown)} entries name no key; --key ID says whose they are.` : '',
    limits
      ? 'Limits are simulated by these requests alone: every key begins with nothing used up, and what the log does not have is not counted.'
      : 'Limits were left out (--no-limits).',
    isStored
      ? 'The store keeps a sample where there are very many requests; the log of a gateway has all of them.'
      : '',
    disordered > 0
      ? `${count(disordered)} requests stand more than a minute after later ones of their key: limits were left out for them; sort the log by time.`
      : '',
    forgotten > 0
      ? `There are more keys than are kept in memory: ${count(forgotten)} times the limits of a key began anew.`
      : '',
    maybeWithKey > 0
      ? `${count(maybeWithKey)} requests that would be denied with key_missing were made on routes where no key is looked for: whether they had one, no log tells.`
      : '',
  ].filter((note) => note !== '');
}
