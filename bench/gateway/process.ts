import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** A process of one run, pinned to one core. */
export interface Pinned {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Resolves with the first line that matches; rejects when the process ends before it. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>;
  stop(): Promise<void>;
}

const STARTUP_MS = 20_000;

export function hasCommand(name: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${name}`]).status === 0;
}

/** Starts a command on one core (with `taskset` where there is one). */
export function startPinned(core: number, command: string, args: readonly string[], cwd?: string): Pinned {
  const pin = hasCommand('taskset');
  const [file, all] = pin ? ['taskset', ['-c', String(core), command, ...args]] : [command, [...args]];
  const child = spawn(file, all, { stdio: ['ignore', 'pipe', 'pipe'], ...(cwd === undefined ? {} : { cwd }) });
  const lines: string[] = [];
  const watchers = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      for (const watcher of watchers) watcher();
    });
  }
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    child,
    pid: child.pid ?? 0,
    waitFor: (pattern) =>
      new Promise((resolve, reject) => {
        const fail = (): void => reject(new Error(`${command} ${args.join(' ')} did not start:\n${lines.join('\n')}`));
        const timer = setTimeout(fail, STARTUP_MS);
        const look = (): void => {
          const match = lines.map((line) => pattern.exec(line)).find((found) => found !== null);
          if (match === undefined || match === null) return;
          clearTimeout(timer);
          watchers.delete(look);
          resolve(match);
        };
        watchers.add(look);
        void ended.then(fail);
        look();
      }),
    stop: async () => {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** CPU seconds that a process has used so far, all threads, and its resident memory in MB (Linux). */
export function usageOf(pid: number): { cpuSeconds: number; memoryMb: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  const pages = Number(fields[21]);
  return { cpuSeconds: ticks / 100, memoryMb: (pages * 4096) / 1_048_576 };
}
