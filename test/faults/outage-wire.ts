import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Test } from 'tap';

/** A wire to a server on which answers come late, or never: the server itself has done what it was asked. */
export interface Wire {
  readonly port: number;
  /** From now on each piece of an answer comes so much later. */
  delay(ms: number): void;
  /** From now on drops what the server answers; connections stay open. */
  drop(): void;
  /** Ends the connections over which answers were lost, and carries all again. */
  mend(): void;
}

/** Pieces of answers that are on their way; what comes beyond that ends its connection. */
const MAX_PIECES = 10_000;

export async function wireTo(t: Test, port: number): Promise<Wire> {
  const sockets = new Set<Socket>();
  const timers = new Set<NodeJS.Timeout>();
  let delayMs = 0;
  let isDropping = false;
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  };
  const end = (): void => {
    for (const timer of timers) clearTimeout(timer);
    timers.clear();
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer({ noDelay: true }, (client) => {
    keep(client);
    const there = keep(connect({ port, host: '127.0.0.1', noDelay: true }));
    client.pipe(there);
    there.on('data', (piece: Buffer) => {
      if (isDropping) return;
      // Timers of one length end in the order in which they were set, so the pieces stay in order.
      if (delayMs === 0) client.write(piece);
      else if (timers.size >= MAX_PIECES) client.destroy();
      else {
        const timer = setTimeout(() => {
          timers.delete(timer);
          client.write(piece);
        }, delayMs);
        timers.add(timer);
      }
    });
    client.once('close', () => there.destroy());
    there.once('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    end();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    delay: (ms) => {
      delayMs = ms;
    },
    drop: () => {
      isDropping = true;
    },
    mend: () => {
      delayMs = 0;
      isDropping = false;
      end();
    },
  };
}
