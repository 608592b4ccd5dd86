import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { loadToolVersion } from './load.ts';

const PROGRAMS = [
  { command: 'nginx', argument: '-v', pattern: /nginx\/(\S+)/ },
  { command: 'haproxy', argument: '-v', pattern: /HAProxy version (\S+)/ },
  { command: 'redis-server', argument: '--version', pattern: /v=(\S+)/ },
];
const PACKAGES = ['@fastify/http-proxy', 'fastify', 'http-proxy-3'];
const MODULES = new URL('../../node_modules/', import.meta.url);

/** One line on what was measured, and on what. */
export function machineLine(): string {
  const cores = cpus();
  const parts = [
    `${cores.length} cores (${cores[0]?.model.trim() ?? 'unknown'}), Linux ${release()}`,
    `Node ${process.version}`,
    loadToolVersion(),
    ...PROGRAMS.map(({ command, argument, pattern }) => `${command} ${versionOf(command, argument, pattern)}`),
    ...PACKAGES.map((name) => `${name} ${packageVersion(name)}`),
  ];
  return parts.join(', ');
}

/** What else the machine did when the run began; above one or two tenths figures say little. */
export function loadLine(): string {
  return `load average ${(loadavg()[0] ?? 0).toFixed(2)} at the start`;
}

function versionOf(command: string, argument: string, pattern: RegExp): string {
  const { stdout, stderr } = spawnSync(command, [argument], { encoding: 'utf8' });
  return pattern.exec(`${stdout ?? ''}${stderr ?? ''}`)?.[1] ?? '(missing)';
}

function packageVersion(name: string): string {
  const { version }: { version?: string } = JSON.parse(
    readFileSync(new URL(`${name}/package.json`, MODULES), 'utf8'),
  ) as { version?: string };
  return version ?? 'unknown';
}
