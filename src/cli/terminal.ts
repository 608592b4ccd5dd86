import { createInterface } from 'node:readline';
import { isatty } from 'node:tty';

/** Exit code of a process that an interruption ended. */
const INTERRUPTED = 130;

/** Asks on the terminal that standard input and standard error are; null when they are none, or the question is ended. */
export function askTerminal(question: string): Promise<string | null> {
  if (!isatty(process.stdin.fd) || !isatty(process.stderr.fd)) return Promise.resolve(null);
  const { promise, resolve } = Promise.withResolvers<string | null>();
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  reader.question(question, (answer) => {
    resolve(answer);
    reader.close();
  });
  reader.once('close', () => resolve(null));
  return promise;
}

/** @returns writes one line, in the place of the one before; '' leaves none */
export function progressLine(isTerminal: boolean): (text: string) => void {
  let isShown = false;
  return (text) => {
    if (!isTerminal || (text === '' && !isShown)) return;
    // Back to the start of the line, and the rest of it cleared.
    process.stderr.write(`\r${text}\u001b[K`);
    isShown = text !== '';
  };
}

/** Aborted at the first SIGINT or SIGTERM; the second ends the process. */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(INTERRUPTED);
      controller.abort();
    });
  }
  return controller.signal;
}
