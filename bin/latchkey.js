#!/usr/bin/env node
// Starts the command line on a runtime that can run it. This file is plain JavaScript, understood by old versions of
// Node too: in a clone they hand over to the runtime that the package pins, so that no user needs to install one.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const OLDEST_MAJOR = 24;
const source = new URL('../src/main.ts', import.meta.url);
const built = new URL('../dist/main.js', import.meta.url);
const self = fileURLToPath(import.meta.url);

if (Number.parseInt(process.versions.node, 10) >= OLDEST_MAJOR) {
  await import(entryPoint().href);
} else {
  const runtime = pinnedRuntime();
  if (runtime === null) {
    process.stderr.write(`latchkey needs Node.js ${OLDEST_MAJOR} or newer; this is ${process.version}.\n`);
    process.exit(1);
  }
  handOver(runtime);
}

/** The source in a clone, what was built from it in an installed package: Node runs no TypeScript under node_modules. */
function entryPoint() {
  return existsSync(source) && !self.includes('node_modules') ? source : built;
}

/** The program of the npm package `node`, a dev dependency; null when it is not installed. */
function pinnedRuntime() {
  try {
    const file = join(dirname(createRequire(self).resolve('node/package.json')), 'bin', 'node');
    return existsSync(file) ? file : null;
  } catch {
    return null;
  }
}

/** Runs the same command on another runtime and ends as it ends. */
function handOver(runtime) {
  const child = spawn(runtime, [self, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // Ctrl-C reaches the child from the terminal itself; a second one would ask it to hurry.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on('error', (error) => {
    process.stderr.write(`latchkey cannot start ${runtime}: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
