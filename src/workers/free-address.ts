import { createServer } from 'node:net';
import type { ListenAddress } from '../config/config.ts';

/**
 * Fails when anybody listens on an address. Workers share theirs, and the system would let a second gateway in among them
 * without a word: half of the requests would be answered by each.
 * @throws a system error, `EADDRINUSE` and the like
 */
export async function mustBeFree({ host, port }: ListenAddress): Promise<void> {
  // One of the system's choice is free.
  if (port === 0) return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const server = createServer((socket) => socket.destroy());
  server.once('error', reject);
  server.listen({ host, port }, () => server.close(() => resolve()));
  await promise;
}
