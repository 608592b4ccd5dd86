import { globSync } from 'node:fs';
import { join } from 'node:path';
import { startRedis } from '../../test/support/redis.ts';
import { startPinned } from '../gateway/process.ts';

/** What the gateways of a fleet share. */
export interface FleetStore {
  readonly name: StoreName;
  /** As `store` in the configuration has it. */
  readonly url: string;
  /** The ways in which it can be out of reach. */
  readonly outages: readonly Outage[];
  stop(): Promise<void>;
}

export type StoreName = 'Redis' | 'SQLite';

export interface Outage {
  readonly name: string;
  begin(): Promise<void>;
  /** Resolves when the store could answer again. */
  end(): Promise<void>;
}

const LOCKER = new URL('sqlite-lock.ts', import.meta.url).pathname;
/** Idle but for its first moment. */
const LOCKER_CORE = 0;

/** A store of this run's own. @param folder where a file may be */
export function openFleetStore(name: StoreName, folder: string): Promise<FleetStore> {
  return name === 'Redis' ? redis() : sqlite(folder);
}

/** With a file of what was written, so that it comes back with its keys. */
async function redis(): Promise<FleetStore> {
  const server = await startRedis('--appendonly', 'yes', '--appendfsync', 'everysec');
  return {
    name: 'Redis',
    url: server.url,
    outages: [
      { name: 'stands still', begin: async () => server.suspend(), end: async () => server.resume() },
      { name: 'is killed', begin: () => server.kill(), end: () => server.restart() },
    ],
    stop: () => server.stop(),
  };
}

async function sqlite(folder: string): Promise<FleetStore> {
  const file = join(folder, 'latchkey.db');
  let release = async (): Promise<void> => undefined;
  return {
    name: 'SQLite',
    url: `sqlite:${file}`,
    outages: [
      {
        name: 'is locked by another process',
        begin: async () => {
          // Beside the file itself all that was put there, but for what SQLite keeps for itself.
          const files = globSync(`${file}{,-usage,-requests,-limits,-gateways}`);
          const locker = startPinned(LOCKER_CORE, process.execPath, [LOCKER, ...files]);
          await locker.waitFor(/^locked$/);
          release = () => locker.stop();
        },
        end: () => release(),
      },
    ],
    stop: async () => undefined,
  };
}
