import type { Config } from '../config/config.ts';
import type { Management } from '../wiring.ts';
import type { Args } from './args.ts';
import type { Io } from './io.ts';

/** A person waits for longer than a request does. */
const STORE_TIMEOUT_MS = 5_000;

/** The configuration of the keys commands; loaded only now, as help and completion must be quick. */
export async function keysConfig(args: Args, io: Io): Promise<Config> {
  const { keysConfiguration } = await import('./configuration.ts');
  return keysConfiguration(args, io);
}

/**
 * Opens the store of a configuration for one piece of work, and closes it whatever comes of that.
 *
 * @throws StoreError when the store cannot be reached
 */
export async function withManagement<T>(config: Config, work: (management: Management) => Promise<T>): Promise<T> {
  // As above: this brings the stores along, and the gateway.
  const { openManagement } = await import('../wiring.ts');
  const timeoutMs = Math.max(config.store.timeoutMs, STORE_TIMEOUT_MS);
  const management = await openManagement({ ...config, store: { ...config.store, timeoutMs } });
  try {
    return await work(management);
  } finally {
    await management.close();
  }
}
