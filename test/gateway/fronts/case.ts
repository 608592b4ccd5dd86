/** What a case is made of. All of it is plain data, so that a failing case can be printed and run again. Texts are latin1. */

/** How an upstream answers one request. */
export interface UpstreamAnswer {
  readonly kind: AnswerKind;
  /** Answers when it has the head of the request, not only when it has all of it. */
  readonly early: boolean;
  /** Written one after the other, each in a turn of its own. */
  readonly pieces: readonly string[];
  /** Holds the pieces after the first back until the client has the head of the answer. */
  readonly waits: boolean;
  /** What it does with its connection behind the last piece. */
  readonly after: 'keep' | 'end' | 'reset';
}

export type AnswerKind = 'plain' | 'odd' | 'broken';

/** One request as a client sends it. */
export interface ClientSends {
  readonly kind: 'plain' | 'odd' | 'hostile';
  /** Head and body as bytes. */
  readonly text: string;
  /** Bytes at the end that are sent only when the head of an answer has come, or a 100 where that does not come early. */
  readonly heldBack: number;
  /** The client ends its side behind the last byte. */
  readonly leaves: boolean;
  readonly answer: UpstreamAnswer;
}

/** What one client does on one connection, and how the upstream takes it. */
export interface FrontCase {
  /** The local address that it comes from: `127.0.0.2` is a trusted proxy. */
  readonly from: '127.0.0.1' | '127.0.0.2';
  /** All in one stream, without waiting for answers. */
  readonly pipelined: boolean;
  readonly requests: readonly ClientSends[];
  /** Where what is written at once is split, in ten-thousandths of its length. */
  readonly cuts: readonly number[];
}

/** The header that tells the upstream which request of a case it has. */
export const INDEX_HEADER = 'X-N';
/** The request that ends every case: whether the connection still carries one, and means the same by it. */
export const PROBE_TARGET = '/any/probe';
export const PROBE = `GET ${PROBE_TARGET} HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer lk_test\r\nX-N: probe\r\n\r\n`;

export const PLAIN_ANSWER: UpstreamAnswer = {
  kind: 'plain',
  early: false,
  pieces: ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'],
  waits: false,
  after: 'keep',
};

/** The text cut at these places, in order; nothing is lost and no piece is empty. */
export function cutAt(text: string, places: readonly number[]): string[] {
  const pieces: string[] = [];
  let from = 0;
  for (const place of [...new Set(places)].sort((a, b) => a - b)) {
    if (place <= from || place >= text.length) continue;
    pieces.push(text.slice(from, place));
    from = place;
  }
  if (from < text.length) pieces.push(text.slice(from));
  return pieces;
}
