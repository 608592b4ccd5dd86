import type { Socket } from 'node:net';

/** Bytes that wait to be written on a connection, to a client or to an upstream, before its writer is asked to wait. */
export const HIGH_WATER_BYTES = 16 * 1024;
/** A piece of a body up to this size is never held on to: it goes out as a string, with what is before it, and is a copy. */
export const NEVER_HELD_BYTES = 16 * 1024;

/** Writes text, bytes and text in one go. Texts are latin1, and may be ''. @returns whether more may follow at once */
export function writePieces(socket: Socket, before: string, chunk: Buffer, after: string): boolean {
  if (before === '' && after === '') return socket.write(chunk);
  socket.cork();
  if (before !== '') socket.write(before, 'latin1');
  let keepsUp = socket.write(chunk);
  if (after !== '') keepsUp = socket.write(after, 'latin1');
  socket.uncork();
  // A write by itself tells whether the system took it; one that was held back cannot know that yet.
  return keepsUp || socket.writableLength === 0;
}
