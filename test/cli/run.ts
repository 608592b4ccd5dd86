/** Runs the command line: in this process, where only what it says matters, or as the process that a user starts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { main } from '../../src/cli/index.ts';
import type { Io } from '../../src/cli/io.ts';
import type { Environment } from '../../src/config/environment.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** Compiled code that the processes of one test file share: starting one takes less than half as long then. */
export const COMPILED = mkdtempSync(join(tmpdir(), 'latchkey-compiled-'));
process.once('exit', () => rmSync(COMPILED, { recursive: true, force: true }));

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command line in this process. @param world what differs from a run by a script */
export async function cli(
  args: readonly string[],
  environment: Environment = {},
  world: Partial<Io> = {},
): Promise<Result> {
  const out: string[] = [];
  const said: string[] = [];
  const code = await main(args, {
    environment,
    clock: { now: () => Date.now() },
    stdoutIsTerminal: false,
    columns: null,
    colors: false,
    out: (text) => void out.push(`${text}\n`),
    deliver: async (text) => void out.push(`${text}\n`),
    say: (text) => void said.push(`${text}\n`),
    paint: (_style, text) => text,
    outliveReader: () => undefined,
    ask: () => Promise.resolve(null),
    progress: () => undefined,
    progressIsShown: false,
    interrupted: () => new AbortController().signal,
    ...world,
  });
  return { code, stdout: out.join(''), stderr: said.join('') };
}

/** A folder that is gone when the test ends. */
export function folder(t: { teardown(handler: () => void): void }): string {
  const path = mkdtempSync(join(tmpdir(), 'latchkey-cli-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export interface ProcessOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Options of the runtime itself. */
  readonly node?: readonly string[];
  readonly stdio?: ['ignore', 'pipe' | number, 'pipe'];
}

/** The program as a user starts it: in some folder, with an environment of its own. */
export function start(args: readonly string[], options: ProcessOptions): ChildProcess {
  return spawn(process.execPath, [...(options.node ?? []), MAIN, ...args], {
    cwd: options.cwd,
    env: { PATH: process.env['PATH'] ?? '', HOME: options.cwd, NODE_COMPILE_CACHE: COMPILED, ...options.env },
    stdio: options.stdio ?? ['ignore', 'pipe', 'pipe'],
  });
}

/** Collects what a process says until it has ended. */
export async function ended(child: ChildProcess): Promise<Result> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

/** Runs one command line as a process of its own. */
export function latchkey(args: readonly string[], options: ProcessOptions): Promise<Result> {
  return ended(start(args, options));
}
