import type { Decision } from '../core/decision.ts';
import { pushLines } from './header-lines.ts';
import { rateLines } from './rate-headers.ts';

/** What the name of a header of an upstream's answer means. */
export type AnswerClass = (typeof AnswerClass)[keyof typeof AnswerClass];

export const AnswerClass = {
  /** Goes to the client as it came. */
  pass: 0,
  /** So does this; the gateway says it where the upstream does not. */
  date: 1,
  /** Never goes to the client. */
  drop: 2,
  /** Nor do the rest, except for the length. */
  connection: 3,
  keepAlive: 4,
  contentLength: 5,
  transferEncoding: 6,
} as const;

const KNOWN = new Map<string, AnswerClass>([
  ['connection', AnswerClass.connection],
  ['content-length', AnswerClass.contentLength],
  ['date', AnswerClass.date],
  ['keep-alive', AnswerClass.keepAlive],
  ['proxy-connection', AnswerClass.drop],
  ['proxy-authenticate', AnswerClass.drop],
  ['te', AnswerClass.drop],
  ['trailer', AnswerClass.drop],
  ['transfer-encoding', AnswerClass.transferEncoding],
  ['upgrade', AnswerClass.drop],
  // The gateway's own to say.
  ['x-request-id', AnswerClass.drop],
  ['ratelimit', AnswerClass.drop],
  ['ratelimit-policy', AnswerClass.drop],
]);

/** @param name in lower case */
export function answerClassOf(name: string): AnswerClass {
  return KNOWN.get(name) ?? (name.startsWith('x-ratelimit-') ? AnswerClass.drop : AnswerClass.pass);
}

/** Names remembered as written, and the longest that is: upstreams may make them up. */
const MAX_REMEMBERED = 4096;
const MAX_REMEMBERED_LENGTH = 64;
const remembered = new Map<string, AnswerClass>();

function classOf(name: string): AnswerClass {
  const known = remembered.get(name);
  if (known !== undefined) return known;
  const found = answerClassOf(name.toLowerCase());
  if (name.length > MAX_REMEMBERED_LENGTH) return found;
  // Names that are in use come back at once; made-up ones must not keep them out for good.
  if (remembered.size >= MAX_REMEMBERED) remembered.clear();
  remembered.set(name, found);
  return found;
}

/** What the client is sent of an upstream's head. */
export interface RelayedHead {
  /** Names and values in turn, in the upstream's order and spelling. */
  readonly headers: string[];
  /** Bytes of the body; -1 when the upstream did not say. */
  readonly length: number;
  /** The body is under a transfer coding that is not undone here, and that the client would not be told of. */
  readonly coded: boolean;
}

/**
 * Turns the upstream's headers into the client's: without those for the upstream connection only and those that the
 * gateway speaks for.
 * @param raw     names and values in turn, as the parser gives them
 * @param noBody  the status allows no body, so that a length would be a lie (RFC 9110 §8.6)
 */
export function relayedHead(raw: readonly string[], noBody: boolean): RelayedHead {
  const headers: string[] = [];
  let connection = '';
  let coding = '';
  let length = -1;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const kind = classOf(name);
    const value = raw[i + 1] as string;
    if (kind === AnswerClass.pass || kind === AnswerClass.date) headers.push(name, value);
    else if (kind === AnswerClass.connection) connection = connection === '' ? value : `${connection},${value}`;
    else if (kind === AnswerClass.contentLength) {
      if (noBody) continue;
      length = Number(value);
      // Parsers take more spellings of a number than people do.
      headers.push(name, String(length));
    } else if (kind === AnswerClass.transferEncoding) coding = coding === '' ? value : `${coding},${value}`;
  }
  if (connection !== '' && namesHeaders(connection)) dropNamed(headers, connection);
  return { headers, length, coded: coding !== '' && !isUndone(coding) };
}

/** Whether a Connection header may name others that are for the upstream connection only. */
export function namesHeaders(connection: string): boolean {
  return connection !== 'keep-alive' && connection !== 'close' && connection !== 'Keep-Alive' && connection !== 'Close';
}

/** Whether a Transfer-Encoding is one that the parser undoes. The old `identity` says that there is nothing to undo. */
export function isUndone(coding: string): boolean {
  const name = coding.trim().toLowerCase();
  return name === 'chunked' || name === 'identity';
}

/** What the gateway says on every answer, as header lines, and on authenticated ones how the limits stand. */
export function gatewayLines(requestId: string, decision: Decision | null): string {
  const line = `X-Request-Id: ${requestId}\r\n`;
  return decision === null ? line : line + rateLines(decision);
}

/** Appends the same to names and values in turn. */
export function pushGatewayHeaders(headers: string[], requestId: string, decision: Decision | null): void {
  pushLines(headers, gatewayLines(requestId, decision));
}

/** Drops what `Connection` names, but not the length: without it the body would have no end that can be checked. */
function dropNamed(headers: string[], connection: string): void {
  const named = new Set(connection.split(',').map((token) => token.trim().toLowerCase()));
  named.delete('content-length');
  let kept = 0;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (named.has(name.toLowerCase())) continue;
    headers[kept++] = name;
    headers[kept++] = headers[i + 1] as string;
  }
  headers.length = kept;
}
