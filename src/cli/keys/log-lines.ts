import type { LogEntry } from '../../management/schemas/usage.ts';
import { oneLine } from '../../observe/log-text.ts';
import type { Io } from '../io.ts';
import { pad } from '../table.ts';

/** Wide enough for nearly all addresses, so that lines that come one by one stand below each other. */
const ADDRESS_WIDTH = 15;
const METHOD_WIDTH = 7;
const DURATION_WIDTH = 9;

/** One request in one line, aligned with the others. */
export function logLine(entry: LogEntry, io: Io): string {
  const status = String(entry.status_code);
  const parts = [
    io.paint('dim', `${entry.timestamp.slice(0, 10)} ${entry.timestamp.slice(11, 23)}Z`),
    io.paint(styleOf(entry.status_code), status),
    pad(oneLine(entry.method), METHOD_WIDTH),
    pad(`${entry.response_time_ms.toFixed(1)} ms`, DURATION_WIDTH, true),
    pad(oneLine(entry.ip_address), ADDRESS_WIDTH),
    oneLine(entry.endpoint),
    ...(entry.code === null ? [] : [io.paint('yellow', oneLine(entry.code))]),
    ...(entry.would_deny.length === 0 ? [] : [oneLine(`would deny: ${entry.would_deny.join(', ')}`)]),
    io.paint('dim', oneLine(entry.request_id)),
  ];
  return parts.join('  ');
}

function styleOf(status: number): 'green' | 'yellow' | 'red' {
  if (status >= 500) return 'red';
  return status >= 400 ? 'yellow' : 'green';
}
