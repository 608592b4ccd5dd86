import type { Decision } from '../core/decision.ts';
import { pushRateHeaders } from './rate-headers.ts';

/** What is done with a header of the upstream's answer, by its name. */
const PASS = 0;
const DROP = 1;
const CONNECTION = 2;
const CONTENT_LENGTH = 3;

const KNOWN = new Map<string, number>([
  ['connection', CONNECTION],
  ['content-length', CONTENT_LENGTH],
  ['keep-alive', DROP],
  ['proxy-connection', DROP],
  ['proxy-authenticate', DROP],
  ['te', DROP],
  ['trailer', DROP],
  ['transfer-encoding', DROP],
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
  if (remembered.size < MAX_REMEMBERED && name.length <= MAX_REMEMBERED_LENGTH) remembered.set(name, found);
  return found;
}

/** What the client is sent of an upstream's head. */
export interface RelayedHead {
  /** Names and values in turn, in the upstream's order and spelling. */
  readonly headers: string[];
  /** Bytes of the body; -1 when the upstream did not say. */
  readonly length: number;
}

/**
 * Turns the upstream's headers into the client's: without those for the upstream connection only and those that the
 * gateway speaks for.
 * @param raw     names and values in turn, as the parser gives them
 * @param noBody  the status allows no body, so that a length would be a lie (RFC 9110 §8.6)
 */
export function relayedHead(raw: readonly Buffer[], noBody: boolean): RelayedHead {
  const headers: string[] = [];
  let connection = '';
  let length = -1;
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] as Buffer).toString('latin1');
    const kind = classOf(name);
    if (kind === DROP) continue;
    const value = (raw[i + 1] as Buffer).toString('latin1');
    if (kind === CONNECTION) connection = connection === '' ? value : `${connection},${value}`;
    else if (kind === CONTENT_LENGTH) {
      if (noBody) continue;
      length = Number(value);
      headers.push(name, value);
    } else headers.push(name, value);
  }
  if (connection !== '' && connection !== 'keep-alive' && connection !== 'close') dropNamed(headers, connection);
  return { headers, length };
}

/** Appends what the gateway says on every answer, and on authenticated ones how the limits stand. */
export function pushGatewayHeaders(headers: string[], requestId: string, decision: Decision | null): void {
  headers.push('X-Request-Id', requestId);
  if (decision !== null && decision.key !== null && decision.lease !== null) {
    pushRateHeaders(headers, decision.key, decision.lease);
  }
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
