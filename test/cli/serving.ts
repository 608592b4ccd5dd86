import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { type ProcessOptions, start } from './run.ts';

/** A running `latchkey serve`. */
export class Serving {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  /** Resolves with the exit code, or the signal that ended it, when all that it said has been read. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
  readonly #waiting = new Set<() => void>();
  #isOver = false;

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.#wake();
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.#wake();
    });
    this.ended = once(child, 'close').then(([code, signal]) => {
      this.#isOver = true;
      this.#wake();
      return (code ?? signal) as number | NodeJS.Signals | null;
    });
  }

  /** Where clients connect, like `http://127.0.0.1:43210`. */
  get url(): string {
    return this.#find(/ listens on (http:\S+),/);
  }

  /** Where the management API is. */
  get managementUrl(): string {
    return this.#find(/^management: (http:[^\s;]+)/m);
  }

  /** Where health checks and metrics are. */
  get healthUrl(): string {
    return this.#find(/^health and metrics: (http:\S+) /m);
  }

  /** Resolves when a text was said on one of the two streams. */
  async until(text: string, count = 1): Promise<void> {
    while (`${this.stdout}\n${this.stderr}`.split(text).length <= count) {
      if (this.#isOver) throw new Error(`ended before it said ${JSON.stringify(text)}: ${this.stderr}${this.stdout}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** The answer to a GET, with a key when there is one. */
  async get(path: string, secret?: string): Promise<{ status: number; body: string }> {
    const headers: Record<string, string> = secret === undefined ? {} : { authorization: `Bearer ${secret}` };
    const answer = await fetch(`${this.url}${path}`, { headers });
    return { status: answer.status, body: await answer.text() };
  }

  #find(pattern: RegExp): string {
    const found = pattern.exec(this.stderr)?.[1];
    if (found === undefined) throw new Error(`not said: ${this.stderr}`);
    return found.replace('0.0.0.0', '127.0.0.1');
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

/** Listens on free ports. */
export const ANYWHERE = ['--listen', '--management-listen', '--health-listen'].flatMap((option) => [
  option,
  '127.0.0.1:0',
]);

/** Starts `latchkey serve` and waits until it has said all about itself. Ends it with the test. */
export async function serve(
  t: { teardown(handler: () => Promise<void>): void },
  args: readonly string[],
  options: ProcessOptions,
): Promise<Serving> {
  const serving = new Serving(start(['serve', ...args], options));
  t.teardown(async () => {
    serving.child.kill('SIGKILL');
    await serving.ended;
  });
  await serving.until(args.includes('--json') ? '}\n' : '; configuration: ');
  return serving;
}
