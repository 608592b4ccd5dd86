import { isatty } from 'node:tty';
import { styleText } from 'node:util';
import { type Environment, processEnvironment, wantsNoColor } from '../config/environment.ts';

export type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'green';

/** What a command is given of the world around it. */
export interface Io {
  readonly environment: Environment;
  readonly stdoutIsTerminal: boolean;
  /** Whether the user wants colours at all; each stream must also be a terminal. */
  readonly colors: boolean;
  /** Writes data to standard output; a line feed is added. */
  out(text: string): void;
  /** Writes a message to standard error; a line feed is added. */
  say(text: string): void;
  /** A text for standard output, styled when somebody can see it. */
  paint(style: Style, text: string): string;
  /** For a command whose work is not its output: it goes on when nobody reads that any more. */
  outliveReader(): void;
}

/** The real streams and the real environment. */
export function systemIo(): Io {
  const environment = processEnvironment();
  const colors = !wantsNoColor(environment) && environment['TERM'] !== 'dumb';
  let outlives = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (outlives) return;
    // `| head` has seen enough; that is no failure.
    if (error.code === 'EPIPE') process.exit(0);
    process.stderr.write(`latchkey: standard output cannot be written (${error.code ?? error.message})\n`);
    process.exit(1);
  });
  // Nobody is left to be told.
  process.stderr.on('error', () => undefined);
  const stdoutIsTerminal = isatty(process.stdout.fd);
  return {
    environment,
    stdoutIsTerminal,
    colors,
    out: (text) => void process.stdout.write(`${text}\n`),
    say: (text) => void process.stderr.write(`${text}\n`),
    paint: (style, text) => (stdoutIsTerminal && colors ? styleText(style, text, { validateStream: false }) : text),
    outliveReader: () => {
      outlives = true;
    },
  };
}
