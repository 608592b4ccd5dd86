import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import autocannon from 'autocannon';
import { hasCommand, startPinned } from './process.ts';

export interface LoadResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers with a status of 400 and above, and connections that failed. */
  readonly failures: number;
}

export interface LoadOptions {
  /** Number, or list as `taskset` takes it. */
  readonly core: number | string;
  /** Its path is asked for when there are no `paths`. */
  readonly url: string;
  readonly keysFile: string;
  /** For the load tool that does not read the file. */
  readonly keys: readonly string[];
  readonly connections: number;
  readonly seconds: number;
  /** For files of this run. */
  readonly folder: string;
  /** Spread over the keys. */
  readonly paths?: readonly string[];
  readonly upload?: { readonly path: string; readonly bytes: number };
  /** `random`: each request's key is drawn from the file; `once`: they are used in turn. */
  readonly order?: 'random' | 'once';
}

const SCRIPT = new URL('clients/wrk.lua', import.meta.url).pathname;
/** An answer that takes longer is a failure. With 10,000 connections a second is nothing unusual. */
const TIMEOUT_SECONDS = 30;
/** Beyond the measured time: to read a million keys, to connect 10,000 times. */
const PATIENCE_MS = 60_000;
const MICROS_PER_SECOND = 1e6;

export const LOAD_TOOL = hasCommand('wrk') ? 'wrk' : 'autocannon';

/** Drives one URL with all keys for a while. */
export async function drive(options: LoadOptions): Promise<LoadResult> {
  return LOAD_TOOL === 'wrk' ? driveWithWrk(options) : driveWithAutocannon(options);
}

async function driveWithWrk(options: LoadOptions): Promise<LoadResult> {
  const { core, url, keysFile, connections, seconds, folder, upload, order = 'random' } = options;
  const pathsFile = join(folder, 'paths.txt');
  writeFileSync(pathsFile, (upload ? [upload.path] : (options.paths ?? [new URL(url).pathname])).join('\n'));
  const tool = ['-t1', `-c${connections}`, `-d${seconds}s`, `--timeout`, `${TIMEOUT_SECONDS}s`, '-s', SCRIPT, url];
  const script = [keysFile, pathsFile, upload ? 'POST' : 'GET', String(upload?.bytes ?? 0), order];
  const patienceMs = seconds * 1_000 + PATIENCE_MS;
  const wrk = startPinned(core, 'wrk', [...tool, '--', ...script], { patienceMs });
  try {
    const match = await wrk.waitFor(/^result (\d+) (\d+) (\d+) (\d+) (\d+)$/);
    const [requests = 0, micros = 1, p50 = 0, p99 = 0, failures = 0] = match.slice(1).map(Number);
    if (requests === 0) throw new Error(`no request was answered in ${seconds} s`);
    const requestsPerSecond = requests / (micros / MICROS_PER_SECOND);
    return { requests, requestsPerSecond, p50Ms: p50 / 1_000, p99Ms: p99 / 1_000, failures };
  } finally {
    await wrk.stop();
  }
}

async function driveWithAutocannon({ url, keys, connections, seconds }: LoadOptions): Promise<LoadResult> {
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    requests: keys.slice(0, 1_000).map((key) => ({ method: 'GET', headers: { authorization: `Bearer ${key}` } })),
  });
  return {
    requests: result.requests.total,
    requestsPerSecond: result.requests.average,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    failures: result.non2xx + result.errors,
  };
}

/** Version of the load tool, for the report. */
export function loadToolVersion(): string {
  if (LOAD_TOOL === 'autocannon') return 'autocannon';
  return /wrk \S+/.exec(String(spawnSync('wrk', ['-v']).stdout))?.[0] ?? 'wrk';
}
