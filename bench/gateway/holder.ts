import { startPinned } from './process.ts';

export interface Held {
  /** Connections that are not open, or whose request failed. */
  readonly failures: number;
  release(): Promise<void>;
}

const SCRIPT = new URL('clients/holder.ts', import.meta.url).pathname;
const PATIENCE_MS = 120_000;

/** Opens so many connections, makes one request on each, and leaves them open. */
export async function hold(core: string, port: number, keysFile: string, count: number): Promise<Held> {
  const args = [SCRIPT, port, keysFile, count].map(String);
  const holder = startPinned(core, process.execPath, args, { patienceMs: PATIENCE_MS });
  try {
    const match = await holder.waitFor(/^held (\d+)$/);
    return { failures: count - Number(match[1]), release: () => holder.stop() };
  } catch (error) {
    await holder.stop();
    throw error;
  }
}
