/** Disks on which nothing more can be written. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { ended, folder, type Result } from '../cli/run.ts';
import { ANYWHERE, Serving } from '../cli/serving.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

export interface Disk {
  /** What a user is told of it. */
  readonly says: string;
  /** A folder on it. */
  readonly folder: string;
  fill(): void;
  /** Makes room again; null where that cannot be done. */
  readonly free: (() => void) | null;
  /** Runs a command line that meets the disk. */
  latchkey(...args: readonly string[]): Promise<Result>;
  serve(config: string): Promise<Serving>;
}

export interface DiskKind {
  readonly name: string;
  open(t: Test): Disk;
}

/** Without what a test runner hooks into every program that is started: it writes files of its own. */
const UNHOOKED = 'unset NODE_OPTIONS NODE_V8_COVERAGE';

/** Blocks of 512 bytes that a file of the gateway may have: what SQLite maps into memory when it starts just fits. */
const GATEWAY_BLOCKS = 64;

/** A limit on the size of files, which needs no rights: a command line cannot write at all, a gateway hardly. */
const SIZE_LIMIT: DiskKind = {
  name: 'a limit on the size of files',
  open: (t) =>
    diskIn(t, folder(t), {
      says: 'disk I/O error',
      gatewayShell: `${UNHOOKED}; ulimit -f ${GATEWAY_BLOCKS}; exec "$@"`,
      commandShell: `${UNHOOKED}; ulimit -f 0; exec "$@"`,
      fill: () => undefined,
      free: null,
    }),
};

/** A small file system that is filled to the last byte; only root may make one. */
const SMALL_DISK: DiskKind = {
  name: 'a full disk',
  open: (t) => {
    const disk = join(folder(t), 'disk');
    mkdirSync(disk);
    if (!mount(disk)) throw new Error('no file system can be mounted');
    t.teardown(() => unmount(disk));
    const filler = join(disk, 'filler');
    return diskIn(t, disk, {
      says: 'cannot be written: the disk is full',
      gatewayShell: `${UNHOOKED}; exec "$@"`,
      commandShell: `${UNHOOKED}; exec "$@"`,
      fill: () => fillUp(filler),
      free: () => rmSync(filler),
    });
  },
};

export function diskKinds(t: Test): readonly DiskKind[] {
  const probe = folder(t);
  if (!mount(probe)) return [SIZE_LIMIT];
  unmount(probe);
  return [SIZE_LIMIT, SMALL_DISK];
}

function mount(at: string): boolean {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'latchkey-test', at]).status === 0;
}

function unmount(at: string): void {
  // Lazily: what still holds a file open there is ending.
  spawnSync('umount', ['-l', at]);
}

function fillUp(file: string): void {
  for (const size of [64 * 1024, 4096, 1]) {
    try {
      for (;;) writeFileSync(file, Buffer.alloc(size), { flag: 'a' });
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error) || error.code !== 'ENOSPC') throw error;
    }
  }
}

interface Making extends Pick<Disk, 'says' | 'fill' | 'free'> {
  /** What the shell does that runs a program on that disk, given as its arguments. */
  readonly gatewayShell: string;
  readonly commandShell: string;
}

function diskIn(t: Test, place: string, { gatewayShell, commandShell, ...rest }: Making): Disk {
  const run = (shell: string, args: readonly string[]) =>
    spawn('sh', ['-c', shell, 'sh', process.execPath, MAIN, ...args], {
      cwd: place,
      // The cache of compiled code is no part of this.
      env: { PATH: process.env['PATH'] ?? '', HOME: place },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  return {
    ...rest,
    folder: place,
    latchkey: (...args) => ended(run(commandShell, args)),
    serve: async (config) => {
      const serving = new Serving(run(gatewayShell, ['serve', '--config', config, ...ANYWHERE]));
      t.teardown(async () => {
        serving.child.kill('SIGKILL');
        await serving.ended;
      });
      await serving.until('; configuration: ');
      return serving;
    },
  };
}
