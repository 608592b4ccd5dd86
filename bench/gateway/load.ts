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
  /** Answers that were not 2xx, and connections that failed. */
  readonly failures: number;
}

export interface LoadOptions {
  readonly core: number;
  readonly url: string;
  readonly keysFile: string;
  readonly keys: readonly string[];
  readonly connections: number;
  readonly seconds: number;
  readonly folder: string;
}

/** Draws each request's key at random from the file; every request is formatted beforehand, so that wrk stays cheap. */
const SCRIPT = `
local requests = {}
init = function(args)
  math.randomseed(os.time())
  for key in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("GET", nil, { Authorization = "Bearer " .. key })
  end
end
request = function() return requests[math.random(#requests)] end
done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format("result %d %d %d %d %d\\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
`;

export const LOAD_TOOL = hasCommand('wrk') ? 'wrk' : 'autocannon';

/** Drives one URL with all keys for a while. */
export async function drive(options: LoadOptions): Promise<LoadResult> {
  return LOAD_TOOL === 'wrk' ? driveWithWrk(options) : driveWithAutocannon(options);
}

async function driveWithWrk({ core, url, keysFile, connections, seconds, folder }: LoadOptions): Promise<LoadResult> {
  const script = join(folder, 'load.lua');
  writeFileSync(script, SCRIPT);
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '-s', script, url, '--', keysFile];
  const wrk = startPinned(core, 'wrk', args);
  const match = await wrk.waitFor(/^result (\d+) (\d+) (\d+) (\d+) (\d+)$/);
  const [requests = 0, micros = 1, p50 = 0, p99 = 0, failures = 0] = match.slice(1).map(Number);
  await wrk.stop();
  return { requests, requestsPerSecond: requests / (micros / 1e6), p50Ms: p50 / 1000, p99Ms: p99 / 1000, failures };
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
