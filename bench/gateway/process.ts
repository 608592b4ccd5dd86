import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { treeOf } from './usage.ts';

/** A process of one run, pinned to its cores. */
export interface Pinned {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Resolves with the first line that matches; rejects when the process ends before it. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>;
  stop(): Promise<void>;
}

export interface ProcessOptions {
  readonly cwd?: string;
  /** The file that its standard output goes to, for one that writes much; `waitFor` sees only its errors then. */
  readonly outputFile?: string;
  /** How long `waitFor` waits. */
  readonly patienceMs?: number;
}

const STARTUP_MS = 20_000;
const STOP_MS = 5_000;
/** Lines of a process that are kept: for `waitFor`, and to tell why it ended. */
const MAX_LINES = 1_000;
/** As many open files as a process may have, up to 65,536: some programs make a table of this size. */
const MORE_FILES =
  'h=$(ulimit -Hn); if [ "$h" = unlimited ] || [ "$h" -gt 65536 ]; then h=65536; fi; ulimit -n "$h"; exec "$@"';

const running = new Set<ChildProcess>();
// A run that is interrupted leaves nothing behind: what was started ends with it, and what that started.
process.once('exit', () => {
  for (const child of running) killTree(child);
});

export function hasCommand(name: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${name}`]).status === 0;
}

/**
 * Starts a command on its cores (with `taskset` where there is one).
 *
 * @param core a number, or a list as `taskset` takes it
 */
export function startPinned(
  core: number | string,
  command: string,
  args: readonly string[],
  { cwd, outputFile, patienceMs = STARTUP_MS }: ProcessOptions = {},
): Pinned {
  const pin = hasCommand('taskset') ? ['taskset', '-c', String(core)] : [];
  const output = outputFile === undefined ? null : openSync(outputFile, 'a');
  const child = spawn('sh', ['-c', MORE_FILES, 'sh', ...pin, command, ...args], {
    stdio: ['ignore', output ?? 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
  });
  if (output !== null) closeSync(output);
  running.add(child);
  const lines: string[] = [];
  const watchers = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on('line', (line) => {
      if (lines.push(line) > MAX_LINES) lines.shift();
      for (const watcher of watchers) watcher();
    });
  }
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  void ended.then(() => running.delete(child));
  const fault = (what: string): Error => new Error(`${command} ${args.join(' ')} ${what}:\n${lines.join('\n')}`);
  return {
    child,
    pid: child.pid ?? 0,
    waitFor: (pattern) => lineOf(pattern, { lines, watchers, ended, fault, patienceMs }),
    stop: async () => {
      if (!running.has(child)) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => killTree(child), STOP_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

interface Output {
  readonly lines: readonly string[];
  readonly watchers: Set<() => void>;
  readonly ended: Promise<void>;
  readonly patienceMs: number;
  readonly fault: (what: string) => Error;
}

function lineOf(pattern: RegExp, { lines, watchers, ended, fault, patienceMs }: Output): Promise<RegExpExecArray> {
  const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
  const timer = setTimeout(() => reject(fault(`said nothing like ${pattern} in ${patienceMs} ms`)), patienceMs);
  const look = (): void => {
    const match = lines.map((line) => pattern.exec(line)).find((found) => found !== null);
    if (match !== undefined && match !== null) resolve(match);
  };
  watchers.add(look);
  void ended.then(() => reject(fault(`ended without a line like ${pattern}`)));
  look();
  return promise.finally(() => {
    clearTimeout(timer);
    watchers.delete(look);
  });
}

/** By their ids, parents last: a parent that is gone would leave its children to nobody. */
function killTree(child: ChildProcess): void {
  for (const pid of treeOf(child.pid ?? 0).toReversed()) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself meanwhile.
    }
  }
}
