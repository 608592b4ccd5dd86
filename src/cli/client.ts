import type { ManagementClient } from '../management/client.ts';
import type { ConnectionWatcher } from '../management/remote-follow.ts';
import { oneLine } from '../observe/log-text.ts';
import type { Args } from './args.ts';
import type { Io } from './io.ts';
import { withManagement } from './management.ts';
import type { Target } from './target.ts';
import { packageVersion } from './version.ts';

export type { Target } from './target.ts';

/**
 * Does one piece of work with what the options name, a store or the management API of a gateway, and closes it whatever
 * comes of that.
 *
 * @throws StoreError when the store cannot be reached, RemoteError when the gateway cannot
 */
export async function withClient<T>(
  args: Args,
  io: Io,
  work: (client: ManagementClient, target: Target) => Promise<T>,
): Promise<T> {
  return withTarget(await target(args, io), work, saying(io));
}

/** What the options name; read only now, as help and completion must be quick. */
export async function target(args: Args, io: Io): Promise<Target> {
  const { readTarget } = await import('./target.ts');
  return readTarget(args, io);
}

/** @param watcher told what becomes of the connection while a log is followed */
export async function withTarget<T>(
  to: Target,
  work: (client: ManagementClient, target: Target) => Promise<T>,
  watcher: ConnectionWatcher = {},
): Promise<T> {
  if (to.kind === 'store') return withManagement(to.config, ({ client }) => work(client, to));
  const { RemoteClient } = await import('../management/remote-client.ts');
  const client = new RemoteClient({
    url: to.url,
    token: to.token,
    userAgent: `latchkey/${packageVersion()}`,
    ...watcher,
  });
  try {
    return await work(client, to);
  } finally {
    await client.close();
  }
}

/** Who follows a log sees nothing else of it: that no request comes, or that none can be seen. */
function saying(io: Io): ConnectionWatcher {
  return {
    onCut: ({ message }) => io.say(oneLine(`latchkey: the connection was lost and is tried again: ${message}`)),
    onBack: () => io.say('latchkey: the connection is back'),
  };
}
