import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type Denial, deny } from '../../core/denial.ts';
import type { ExaminedRequest } from '../examine.ts';
import { relayedHead } from '../headers-client.ts';

const VERSION = '13';
/** 16 bytes in base64 (RFC 6455 §4.1). */
const KEY = /^[A-Za-z0-9+/]{22}==$/;
const ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const PREFIX = 'sec-websocket-';

const NOT_WEBSOCKET = deny(
  'request_rejected',
  'The only protocol that a connection can be upgraded to is "websocket".',
);
const NOT_GET = deny('request_rejected', 'A WebSocket is asked for with GET, over HTTP/1.1 and without a body.');
const ODD_KEY = deny('request_rejected', 'Sec-WebSocket-Key must be 16 bytes in base64.');
const ODD_VERSION = deny('request_rejected', `The only Sec-WebSocket-Version that is spoken here is ${VERSION}.`);

/** Why a request that passed `examine` is no opening handshake (RFC 6455 §4.2.1); null when it is one. */
export function handshakeFault(request: IncomingMessage, examined: ExaminedRequest): Denial | null {
  const { head } = examined;
  if (head.upgrade.toLowerCase() !== 'websocket') return NOT_WEBSOCKET;
  if (!tokens(head.connection).includes('upgrade')) return NOT_WEBSOCKET;
  if (examined.method !== 'GET' || request.httpVersion !== '1.1' || examined.bodyLength !== 0) return NOT_GET;
  if (!KEY.test(examined.header('sec-websocket-key') ?? '')) return ODD_KEY;
  return examined.header('sec-websocket-version') === VERSION ? null : ODD_VERSION;
}

/** What the client offers, and the headers that ask the upstream for it. */
export interface Offer {
  readonly key: string;
  /** Subprotocols, as written. */
  readonly protocols: readonly string[];
  /** Names of extensions, in lower case. */
  readonly extensions: readonly string[];
  /** Names and values in turn. */
  readonly headers: readonly string[];
}

/**
 * Adds the opening handshake to the headers that go upstream. It is the client's own, since the answer to its key is the
 * upstream's to give; but the parts without which there is no handshake are written here, so that nothing that
 * `Connection` names can take them out, and no other spelling of their names can stand beside them.
 * @param passed names and values in turn (headers-upstream.ts)
 */
export function offerOf(examined: ExaminedRequest, passed: readonly string[]): Offer {
  const headers: string[] = [];
  const protocols: string[] = [];
  const extensions: string[] = [];
  for (let i = 0; i < passed.length; i += 2) {
    const name = passed[i] as string;
    const value = passed[i + 1] as string;
    const lower = name.toLowerCase();
    if (lower === 'sec-websocket-protocol') protocols.push(...list(value));
    else if (lower === 'sec-websocket-extensions') extensions.push(...tokens(value).map(nameOf));
    else if (lower.replaceAll(/[^a-z0-9]/g, '-').startsWith(PREFIX)) continue;
    headers.push(name, value);
  }
  const key = examined.header('sec-websocket-key') ?? '';
  headers.push('Sec-WebSocket-Key', key, 'Sec-WebSocket-Version', VERSION);
  return { key, protocols, extensions, headers };
}

/** Sec-WebSocket-Accept for a key (RFC 6455 §4.2.2). */
export function acceptFor(key: string): string {
  return hash('sha1', key + ACCEPT_GUID, 'base64');
}

/**
 * Holds an upstream's 101 to what a client must hold it to (RFC 6455 §4.1): whoever answers otherwise has not understood
 * the handshake, and what it sends is not a WebSocket.
 * @returns what is wrong, for the log; null when nothing is
 */
export function switchFault({ headers }: IncomingMessage, offer: Offer): string | null {
  if (headers.upgrade?.toLowerCase() !== 'websocket') return 'the 101 does not upgrade to "websocket"';
  if (!tokens(headers.connection ?? '').includes('upgrade')) return 'the 101 has no "Connection: Upgrade"';
  if (headers['sec-websocket-accept'] !== acceptFor(offer.key)) return 'the 101 has a wrong Sec-WebSocket-Accept';
  const protocol = headers['sec-websocket-protocol'];
  if (protocol !== undefined && !offer.protocols.includes(protocol)) return 'the 101 names a subprotocol not offered';
  const extensions = tokens(headers['sec-websocket-extensions'] ?? '').map(nameOf);
  const foreign = extensions.some((name) => !offer.extensions.includes(name));
  return foreign ? 'the 101 names an extension not offered' : null;
}

/** The headers of the 101 for the client, from those of an upstream's that `switchFault` found nothing wrong with. */
export function switchHeaders(response: IncomingMessage, offer: Offer): string[] {
  const { headers: relayed } = relayedHead(response.rawHeaders, true);
  const headers: string[] = [];
  for (let i = 0; i < relayed.length; i += 2) {
    const name = relayed[i] as string;
    if (!name.toLowerCase().startsWith(PREFIX)) headers.push(name, relayed[i + 1] as string);
  }
  headers.push('Upgrade', 'websocket', 'Connection', 'Upgrade', 'Sec-WebSocket-Accept', acceptFor(offer.key));
  const protocol = response.headers['sec-websocket-protocol'];
  const extensions = response.headers['sec-websocket-extensions'];
  if (protocol !== undefined) headers.push('Sec-WebSocket-Protocol', protocol);
  if (extensions !== undefined) headers.push('Sec-WebSocket-Extensions', extensions);
  return headers;
}

function list(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function tokens(value: string): string[] {
  return list(value).map((item) => item.toLowerCase());
}

/** `permessage-deflate` of `permessage-deflate; client_max_window_bits`. */
function nameOf(extension: string): string {
  return (extension.split(';', 1)[0] as string).trim();
}
