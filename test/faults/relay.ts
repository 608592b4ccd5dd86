import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Test } from 'tap';

/** A wire to some server that can be cut for those who use it, while others still reach the server. */
export interface Relay {
  readonly port: number;
  /** Ends every connection, and every new one at once. */
  cut(): void;
  /** Ends every connection, and refuses new ones, until it is mended. */
  refuse(): Promise<void>;
  mend(): Promise<void>;
  /** From now on carries nothing on connections over which this text was sent; they stay open. New ones are well. */
  swallow(sent: string): void;
}

/** The last characters of what was sent over a connection. */
const REMEMBERED = 10_000;

export async function relayTo(t: Test, port: number): Promise<Relay> {
  const sockets = new Set<Socket>();
  const halves = new Map<Socket, { readonly there: Socket; sent: string }>();
  let isCut = false;
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  };
  const end = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer();
  server.on('connection', (client) => {
    keep(client);
    if (isCut) {
      client.destroy();
      return;
    }
    const there = keep(connect({ port, host: '127.0.0.1' }));
    const half = { there, sent: '' };
    halves.set(client, half);
    client.on('data', (piece: Buffer) => {
      half.sent = (half.sent + piece.toString('latin1')).slice(-REMEMBERED);
    });
    client.pipe(there).pipe(client);
    client.once('close', () => {
      halves.delete(client);
      there.destroy();
    });
    there.once('close', () => client.destroy());
  });
  const listen = async (on: number): Promise<void> => {
    server.listen(on, '127.0.0.1');
    await once(server, 'listening');
  };
  await listen(0);
  t.teardown(() => {
    end();
    server.close();
  });
  const own = (server.address() as AddressInfo).port;
  return {
    port: own,
    cut: () => {
      isCut = true;
      end();
    },
    refuse: async () => {
      const closed = once(server, 'close');
      server.close();
      end();
      await closed;
    },
    mend: async () => {
      isCut = false;
      if (!server.listening) await listen(own);
    },
    swallow: (text) => {
      for (const [client, { there, sent }] of halves) {
        if (!sent.includes(text)) continue;
        client.unpipe(there);
        there.unpipe(client);
        client.on('data', () => undefined);
        there.on('data', () => undefined);
      }
    },
  };
}
