import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { LINGER_BYTES, LINGER_MS } from '../context.ts';

/**
 * Sends the last answer on a connection and closes it. What the client still sends is read and thrown away for a moment:
 * a connection that is closed on unread bytes is reset, and the reset can overtake the answer.
 */
export function sayLast(client: Duplex, pieces: readonly Buffer[]): void {
  if (!client.writable) return void client.destroy();
  for (const piece of pieces) client.write(piece);
  client.end();
  let left = LINGER_BYTES;
  client.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) client.destroy();
  });
  client.resume();
  const timer = setTimeout(() => client.destroy(), LINGER_MS);
  client.once('close', () => clearTimeout(timer));
}

/** Passes on that the other side broke off: the end must not look like an orderly one. */
export function reset(socket: Duplex): void {
  if (socket.destroyed) return;
  // Only a plain TCP connection can be reset; what is encrypted shows by its missing close_notify that it was cut.
  if (socket instanceof Socket && !(socket instanceof TLSSocket)) socket.resetAndDestroy();
  else socket.destroy();
}
