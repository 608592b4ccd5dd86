/**
 * Headers as they stand on the wire, `Name: value` and CRLF each: what is said again and again is put together once, and
 * texts of many small pieces are dear to write. Names and values must be free of line ends; parsers see to that, and
 * `headerText` does for what is the gateway's own.
 */

/** @param pairs names and values in turn */
export function linesOf(pairs: readonly string[]): string {
  let lines = '';
  for (let i = 0; i < pairs.length; i += 2) lines += `${pairs[i]}: ${pairs[i + 1]}\r\n`;
  return lines;
}

/** Appends the headers of such lines to names and values in turn. */
export function pushLines(pairs: string[], lines: string): void {
  for (let from = 0; from < lines.length; ) {
    const colon = lines.indexOf(': ', from);
    const end = lines.indexOf('\r\n', colon);
    pairs.push(lines.slice(from, colon), lines.slice(colon + 2, end));
    from = end + 2;
  }
}

/** A latin1 text in one piece, whatever it was put together from: to be kept, and written many times. */
export function inOnePiece(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
