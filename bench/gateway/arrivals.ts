import { startPinned } from './process.ts';

/** Requests that come at a constant rate, whether or not those before were answered. */
export interface Arrivals {
  readonly core: string;
  readonly port: number;
  readonly keysFile: string;
  readonly rate: number;
  readonly seconds: number;
  readonly connections: number;
}

export interface ArrivalResult {
  /** All that were answered, those of the warm-up included. */
  readonly requests: number;
  /** From the moment at which a request should have been sent to the end of its answer. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failures: number;
}

const SCRIPT = new URL('clients/arrivals.ts', import.meta.url).pathname;
/** Beyond the time of the run: to start, to warm up, and for the last answers. */
const PATIENCE_MS = 30_000;

export async function arrive({ core, port, keysFile, rate, seconds, connections }: Arrivals): Promise<ArrivalResult> {
  const args = [SCRIPT, port, keysFile, rate, seconds, connections].map(String);
  const patienceMs = seconds * 1_000 + PATIENCE_MS;
  const generator = startPinned(core, process.execPath, args, { patienceMs });
  try {
    const match = await generator.waitFor(/^result (\d+) ([\d.]+) ([\d.]+) (\d+)$/);
    const [requests = 0, p50Ms = 0, p99Ms = 0, failures = 0] = match.slice(1).map(Number);
    return { requests, p50Ms, p99Ms, failures };
  } finally {
    await generator.stop();
  }
}
