import { readdirSync, readFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/**
 * By how much their niceness (setpriority(2)) is above the process's: four of them get a third of a core that they share
 * with the thread that serves, not 80 %.
 */
const YIELDING = 10;
const MOST_NICE = 19;
/** The threads of this process. Linux alone has them, and takes the number of one where that of a process is asked for. */
const THREADS = '/proc/self/task';
/** What the runtime calls those on which V8 marks garbage and compiles. */
const V8_HELPER = /V8Worker/;

/**
 * Has the threads that help V8 give way to the one that serves. A gateway that is bound to one core otherwise shares that
 * with four of them for as long as they mark what is still in use, and requests wait for up to 0.1 s. Nothing is done where
 * they cannot be told apart, as on other systems than Linux.
 */
export function helpersYield(): void {
  for (const thread of threads()) giveWay(thread);
}

function threads(): string[] {
  try {
    return readdirSync(THREADS);
  } catch {
    return [];
  }
}

function giveWay(thread: string): void {
  try {
    if (!V8_HELPER.test(readFileSync(`${THREADS}/${thread}/comm`, 'utf8'))) return;
    setPriority(Number(thread), Math.min(MOST_NICE, getPriority() + YIELDING));
  } catch {
    // It has ended, or this process may not.
  }
}
