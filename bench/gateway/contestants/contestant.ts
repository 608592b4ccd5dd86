import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Cores } from '../cores.ts';
import type { KeyFile } from '../key-files.ts';
import { type Pinned, startPinned } from '../process.ts';
import type { SeededStores } from '../seeded-stores.ts';

/** Who is measured. Each is started alone, on the cores that are the gateway's. */
export interface Contestant {
  readonly name: string;
  /** Why it cannot run here; null when it can. */
  readonly missing: string | null;
  /** Whether it refuses a request without a key that it knows. */
  readonly checksKeys: boolean;
  /** Processes that serve. */
  readonly workers: number;
  start(setting: Setting): Promise<Running>;
}

export interface Setting {
  readonly cores: Cores;
  readonly upstreamPort: number;
  readonly keys: KeyFile;
  /** Patterns like `GET /api/domains/*` that the keys open. */
  readonly routes: readonly string[];
  /** Whether each request is to be written to a file. */
  readonly logs: boolean;
  /** For files of this start; goes afterwards. */
  readonly folder: string;
  readonly stores: SeededStores;
}

export interface Running {
  readonly port: number;
  /** The process that is measured, with all that it started; null when there is no gateway. */
  readonly pid: number | null;
  /** The process of its store, where that is another one. */
  readonly storePid: number | null;
  stop(): Promise<void>;
}

const READY_MS = 20_000;
const ASK_AGAIN_MS = 25;

/** Resolves when a program that says nothing of it accepts connections; rejects when it ends before. */
export async function untilListening(port: number, program: Pinned): Promise<void> {
  await Promise.race([program.waitFor(/^no line is like this$/), listening(port)]);
}

async function listening(port: number): Promise<void> {
  for (let waited = 0; waited < READY_MS; waited += ASK_AGAIN_MS) {
    if (await accepts(port)) return;
    await pause(ASK_AGAIN_MS);
  }
  throw new Error(`nothing listens on port ${port} after ${READY_MS} ms`);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** A running gateway without a store of its own, or with one that `stopStore` ends. */
export function running(gateway: Pinned, port: number, store?: Pinned): Running {
  return {
    port,
    pid: gateway.pid,
    storePid: store?.pid ?? null,
    stop: async () => {
      await gateway.stop();
      await store?.stop();
    },
  };
}

/** A contestant that is a script of peers/. Its arguments: the upstream's port, the file of keys, `logs` or `silent`. */
export function scriptPeer(name: string, file: string, checksKeys: boolean): Contestant {
  const script = new URL(`../peers/${file}`, import.meta.url).pathname;
  return {
    name,
    missing: null,
    checksKeys,
    workers: 1,
    async start({ cores, upstreamPort, keys, logs, folder }) {
      const args = [script, String(upstreamPort), keys.file, logs ? `${folder}/access.log` : ''];
      const gateway = startPinned(cores.gateway, process.execPath, args);
      const [, port] = await gateway.waitFor(/^ready (\d+)$/);
      return running(gateway, Number(port));
    },
  };
}
