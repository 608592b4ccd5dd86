import { type Logger, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { LogConfig } from '../config/config.ts';
import { loggedError } from './error-text.ts';
import { type LogDestination, LogOutput, type LogOutputOptions, MAX_PIECE_BYTES } from './log-output.ts';
import { boundedLine, escapeDeceptive, oneLine } from './log-text.ts';
import { redactSecrets } from './redact.ts';

/** How long `close` waits for the reader of the log. */
const CLOSE_TIMEOUT_MS = 1000;

/** The message of a request line, by which the log can be searched. */
export const REQUEST_MESSAGE = 'request';

export interface LoggerOptions extends LogOutputOptions {
  readonly stdoutIsTerminal: boolean;
  /** Colours on a terminal; NO_COLOR turns them off. True when absent. */
  readonly colors?: boolean;
  /** Where lines go; absent: standard output, which is also flushed when the process exits. */
  readonly destination?: LogDestination;
  /**
   * Other processes write to the same output: no line is longer than a pipe takes in one piece, and all carry the number
   * of the worker, unless it is null.
   */
  readonly among?: { readonly worker: number | null };
}

export interface GatewayLog {
  /** For everything but requests. Its level can be set while it runs, and the request log follows. */
  readonly logger: Logger;
  /** Writes one line of JSON that holds no secret and ends in a line feed; the request log makes its own. */
  readonly writeLine: (json: string) => void;
  /** Lines that were given up, because nobody read them in time. */
  dropped(): number;
  /** Resolves when all lines are written, or after a second. Lines may still be logged afterwards. */
  close(): Promise<void>;
}

/**
 * The gateway's log: lines of JSON on standard output, or text for a person at a terminal.
 *
 * No line holds a secret, whatever was logged; none can be forged by what a client sends; and a reader that stalls costs
 * lines, which are counted, never memory or time.
 */
export function createLogger(config: LogConfig, options: LoggerOptions): GatewayLog {
  const output = new LogOutput(options.destination ?? process.stdout, options);
  const isPretty = config.format === 'pretty' || (config.format === 'auto' && options.stdoutIsTerminal);
  const colorize = options.stdoutIsTerminal && (options.colors ?? true);
  const layOut = isPretty ? prettyLines(colorize) : escapeDeceptive;
  const { among } = options;
  const worker = among?.worker ?? null;
  const finish =
    among === undefined ? (json: string): string => layOut(boundedLine(json)) : lineOfOnePiece(layOut, MAX_PIECE_BYTES);
  const logger = pino(
    {
      level: config.level,
      base: worker === null ? null : { worker },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: loggedError, error: loggedError },
      hooks: { streamWrite: (line) => finish(redactSecrets(line)) },
    },
    output,
  );
  // process.exit waits for nothing.
  if (options.destination === undefined || among !== undefined) process.once('exit', () => output.flushNow());
  return {
    logger,
    writeLine: requestWriter(output, { isPretty, layOut, finish, worker, isShared: among !== undefined }),
    dropped: () => output.dropped,
    close: () => output.drain(CLOSE_TIMEOUT_MS),
  };
}

/** @returns what lays a line out so that no other process can write into the midst of it */
function lineOfOnePiece(layOut: (json: string) => string, maxBytes: number): (json: string) => string {
  return (json) => {
    // Laying out can make it longer than it was, by escapes: at most six times.
    for (let most = maxBytes; most > maxBytes / 8; most /= 2) {
      const line = layOut(boundedLine(json, most));
      if (Buffer.byteLength(line) <= maxBytes) return line;
    }
    return layOut(boundedLine(json, maxBytes / 8));
  };
}

interface WriterOptions {
  readonly isPretty: boolean;
  readonly layOut: (json: string) => string;
  readonly finish: (json: string) => string;
  readonly worker: number | null;
  readonly isShared: boolean;
}

/** Request lines come without secrets and in ASCII: they are written as they are wherever that may be. */
function requestWriter(output: LogOutput, options: WriterOptions): (json: string) => void {
  const { isPretty, layOut, finish, worker, isShared } = options;
  if (!isShared) return isPretty ? (json) => output.write(layOut(json)) : (json) => output.write(json);
  const label = worker === null ? '}\n' : `,"worker":${worker}}\n`;
  return (json) => {
    const line = `${json.slice(0, -2)}${label}`;
    output.write(isPretty || line.length > MAX_PIECE_BYTES ? finish(line) : line);
  };
}

/** Lines of JSON to text; whatever needs more than one line is indented, so that none can pass for an entry. */
function prettyLines(colorize: boolean): (json: string) => string {
  const pretty = prettyFactory({
    colorize,
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss.l',
    messageFormat: (log, messageKey) => message(log, messageKey),
  });
  // The formatter takes apart what JSON had escaped.
  return (json) => escapeDeceptive(pretty(json));
}

function message(log: Record<string, unknown>, messageKey: string): string {
  const text = textOf(log[messageKey]);
  if (text !== REQUEST_MESSAGE) return oneLine(text);
  return oneLine(`${textOf(log['method'])} ${textOf(log['path'])} ${textOf(log['status'])}`);
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
