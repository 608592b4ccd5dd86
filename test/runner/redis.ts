/**
 * The tests run against a real Redis. This finds redis-server on the PATH, or installs Debian's package where that can
 * be done without asking anyone: as root, with apt-get.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface Machine {
  /** The PATH to search, as the environment has it. */
  readonly path: string;
  /** Effective user id; undefined where there is none. */
  readonly uid: number | undefined;
  /** Debian's switch that keeps a package from starting its service; /usr/sbin/policy-rc.d. */
  readonly servicePolicyFile: string;
  /** Tells the user, in one line, what is about to happen to the machine. */
  readonly announce: (line: string) => void;
}

const HOW_TO_INSTALL =
  'The tests need redis-server on the PATH: install it (Debian, Ubuntu: sudo apt-get install redis-server; ' +
  'macOS: brew install redis) and run npm test again.';

/**
 * Makes sure that redis-server can be started by name.
 * @returns null when it can; otherwise the one line that tells the user what to do
 */
export function ensureRedisServer(machine: Machine): string | null {
  if (findOnPath('redis-server', machine.path) !== null) return null;
  if (machine.uid !== 0 || findOnPath('apt-get', machine.path) === null) return HOW_TO_INSTALL;
  machine.announce('Installing the Debian package redis-server for the tests.');
  const fault = withoutServices(machine.servicePolicyFile, () => installPackage(machine.path));
  if (fault !== null) return `${HOW_TO_INSTALL} (apt-get could not: ${fault})`;
  return findOnPath('redis-server', machine.path) === null ? HOW_TO_INSTALL : null;
}

/** @returns the file that this name starts, or null */
export function findOnPath(name: string, path: string): string | null {
  for (const folder of path.split(delimiter)) {
    const file = join(folder, name);
    try {
      if (folder === '') continue;
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

/** The tests start their own servers; a package must not leave one running on this machine. */
function withoutServices<T>(policyFile: string, install: () => T): T {
  if (existsSync(policyFile)) return install();
  writeFileSync(policyFile, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return install();
  } finally {
    rmSync(policyFile, { force: true });
  }
}

/** @returns null when the package is installed; otherwise the last line of what apt-get said */
function installPackage(path: string): string | null {
  const install = ['install', '--yes', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120', 'redis-server'];
  // Package lists may be there already; when they are missing or too old, fetch them and try once more.
  if (aptGet(install, path) === null) return null;
  return aptGet(['update'], path) ?? aptGet(install, path);
}

function aptGet(args: readonly string[], path: string): string | null {
  const done = spawnSync('apt-get', ['-qq', ...args], {
    env: { ...process.env, PATH: path, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 300_000,
  });
  if (done.status === 0) return null;
  return done.error?.message ?? done.stderr.trim().split('\n').at(-1) ?? `exit code ${done.status}`;
}
