import { inOnePiece } from '../header-lines.ts';

let second = Number.NaN;
let line = '';

/** A Date header (RFC 9110 §6.6.1) as it stands on the wire, its line end included. @param at milliseconds since the epoch */
export function dateLine(at: number): string {
  const now = Math.floor(at / 1000);
  if (now !== second) {
    second = now;
    line = inOnePiece(`Date: ${new Date(at).toUTCString()}\r\n`);
  }
  return line;
}
