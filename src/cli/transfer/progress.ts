import type { Io } from '../io.ts';

const BAR = 24;
/** How often the bar moves, and how often a line is said where there is no terminal. */
const REDRAW_MS = 100;
const SAY_MS = 10_000;

/** Tells a person how far something is: a bar on a terminal, now and then a line anywhere else, nothing with --json. */
export class Progress {
  readonly #io: Io;
  readonly #what: string;
  readonly #total: number | null;
  readonly #isQuiet: boolean;
  #done = 0;
  #drawnAt = 0;
  #saidAt = performance.now();

  /** @param what like `Importing`. @param total null: not known */
  constructor(io: Io, what: string, total: number | null, isQuiet: boolean) {
    this.#io = io;
    this.#what = what;
    this.#total = total;
    this.#isQuiet = isQuiet;
  }

  step(): void {
    this.#done++;
    const now = performance.now();
    if (this.#isQuiet || now - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = now;
    this.#io.progress(bar(this.#what, this.#done, this.#total));
    if (this.#io.progressIsShown || now - this.#saidAt < SAY_MS) return;
    this.#saidAt = now;
    this.#io.say(`${this.#what}: ${count(this.#done, this.#total)}`);
  }

  end(): void {
    this.#io.progress('');
  }
}

/** `Importing  [######..................]  25%  2500 of 10000` */
export function bar(what: string, done: number, total: number | null): string {
  if (total === null || total === 0) return `${what}  ${done}`;
  const share = Math.min(1, done / total);
  const filled = Math.floor(share * BAR);
  const drawn = '#'.repeat(filled).padEnd(BAR, '.');
  return `${what}  [${drawn}] ${String(Math.floor(share * 100)).padStart(3)}%  ${count(done, total)}`;
}

function count(done: number, total: number | null): string {
  return total === null ? String(done) : `${done} of ${total}`;
}
