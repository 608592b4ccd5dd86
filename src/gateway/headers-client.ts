import type { Decision } from '../core/decision.ts';
import { pushRateHeaders } from './rate-headers.ts';

/** What is done with a header of the upstream's answer, by its name. */
const PASS = 0;
const DROP = 1;
const CONNECTION = 2;
const CONTENT_LENGTH = 3;
const TRANSFER_ENCODING = 4;

const KNOWN = new Map<string, number>([
  ['connection', CONNECTION],
  ['content-length', CONTENT_LENGTH],
  ['keep-alive', DROP],
  ['proxy-connection', DROP],
  ['proxy-authenticate', DROP],
  ['te', DROP],
  ['trailer', DROP],
  ['transfer-encoding', TRANSFER_ENCODING],
  ['upgrade', DROP],
  // The gateway's own to say.
  ['x-request-id', DROP],
  ['ratelimit', DROP],
  ['ratelimit-policy', DROP],
]);

/** Names remembered as written, and the longest that is: upstreams may make them up. */
const MAX_REMEMBERED = 4096;
const MAX_REMEMBERED_LENGTH = 64;
const remembered = new Map<string, number>();

function classOf(name: string): number {
  const known = remembered.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  const found = KNOWN.get(lower) ?? (lower.startsWith('x-ratelimit-') ? DROP : PASS);
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
    if (kind === DROP) continue;
    const value = raw[i + 1] as string;
    if (kind === CONNECTION) connection = connection === '' ? value : `${connection},${value}`;
    else if (kind === CONTENT_LENGTH) {
      if (noBody) continue;
      length = Number(value);
      // Parsers take more spellings of a number than people do.
      headers.push(name, String(length));
    } else if (kind === TRANSFER_ENCODING) coding = coding === '' ? value : `${coding},${value}`;
    else headers.push(name, value);
  }
  if (connection !== '' && connection !== 'keep-alive' && connection !== 'close') dropNamed(headers, connection);
  return { headers, length, coded: coding !== '' && !isUndone(coding) };
}

/** Whether a Transfer-Encoding is one that the parser undoes. The old `identity` says that there is nothing to undo. */
export function isUndone(coding: string): boolean {
  const name = coding.trim().toLowerCase();
  return name === 'chunked' || name === 'identity';
}

/** Appends what the gateway says on every answer, and on authenticated ones how the limits stand. */
export function pushGatewayHeaders(headers: string[], requestId: string, decision: Decision | null): void {
  headers.push('X-Request-Id', requestId);
  if (decision !== null) pushRateHeaders(headers, decision);
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
