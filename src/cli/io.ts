import { isatty } from 'node:tty';
import { styleText } from 'node:util';
import { type Environment, processEnvironment, wantsNoColor } from '../config/environment.ts';
import type { Clock } from '../core/clock.ts';
import { escapeDeceptive } from '../observe/log-text.ts';
import { machineClock } from './clock.ts';
import { askTerminal, interruption, progressLine } from './terminal.ts';

export type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'green' | 'cyan';

/** What a command is given of the world around it. */
export interface Io {
  readonly environment: Environment;
  readonly clock: Clock;
  readonly stdoutIsTerminal: boolean;
  /** Characters in a line of the terminal that standard output is; null when it is none. */
  readonly columns: number | null;
  /** Whether the user wants colours at all; each stream must also be a terminal. */
  readonly colors: boolean;
  /** Writes data to standard output; a line feed is added. What a terminal would act on is escaped, as JSON takes it too. */
  out(text: string): void;
  /**
   * Writes to standard output what must not get lost; a line feed is added. Resolves when it was taken there, and rejects
   * with the system's error when it was not: no reader is left, the disk is full.
   */
  deliver(text: string): Promise<void>;
  /** Writes a message to standard error; a line feed is added. */
  say(text: string): void;
  /** A text for standard output, styled when somebody can see it. */
  paint(style: Style, text: string): string;
  /** For a command whose work is not its output: it goes on when nobody reads that any more. */
  outliveReader(): void;
  /** What the user types when asked; null when nobody can be asked, or the user ends the question. */
  ask(question: string): Promise<string | null>;
  /** Says on a terminal how far something is, in one line that the next one replaces; '' takes it away. */
  progress(text: string): void;
  /** Whether anybody sees that. */
  readonly progressIsShown: boolean;
  /** Aborted when the user interrupts a command that else goes on; a second interruption ends the process. */
  interrupted(): AbortSignal;
}

/** The real streams and the real environment. */
export function systemIo(): Io {
  const environment = processEnvironment();
  const colors = !wantsNoColor(environment) && environment['TERM'] !== 'dumb';
  let outlives = false;
  let isDelivering = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever delivers something is told by the promise.
    if (outlives || isDelivering) return;
    // `| head` has seen enough; that is no failure.
    if (error.code === 'EPIPE') process.exit(0);
    process.stderr.write(`latchkey: standard output cannot be written (${error.code ?? error.message})\n`);
    process.exit(1);
  });
  // Nobody is left to be told.
  process.stderr.on('error', () => undefined);
  const stdoutIsTerminal = isatty(process.stdout.fd);
  const progressIsShown = isatty(process.stderr.fd) && environment['TERM'] !== 'dumb';
  const progress = progressLine(progressIsShown);
  return {
    environment,
    clock: machineClock,
    stdoutIsTerminal,
    columns: stdoutIsTerminal ? process.stdout.columns || null : null,
    colors,
    out: (text) => {
      progress('');
      process.stdout.write(`${escapeDeceptive(text)}\n`);
    },
    deliver: (text) => {
      progress('');
      isDelivering = true;
      return new Promise((resolve, reject) => {
        process.stdout.write(`${escapeDeceptive(text)}\n`, (error) => {
          // Still delivering then: the stream tells of the same failure once more.
          if (error) return reject(error);
          isDelivering = false;
          resolve();
        });
      });
    },
    say: (text) => {
      progress('');
      process.stderr.write(`${text}\n`);
    },
    paint: (style, text) => (stdoutIsTerminal && colors ? styleText(style, text, { validateStream: false }) : text),
    outliveReader: () => {
      outlives = true;
    },
    ask: askTerminal,
    progress,
    progressIsShown,
    interrupted: interruption,
  };
}
