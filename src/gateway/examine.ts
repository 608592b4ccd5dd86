import { clientAddress, forwardedClient } from '../core/client-address.ts';
import { type Denial, deny } from '../core/denial.ts';
import type { RequestView } from '../core/request.ts';
import { requestIdFrom } from '../core/request-id.ts';
import { canonicalTarget, isFault } from '../core/target.ts';
import { bodyLengthOf, framingFault, isHost } from './framing.ts';
import { type Head, readHead } from './head.ts';
import type { Policy } from './policy.ts';

/** The head of a request as a parser gives it. */
export interface RequestHead {
  readonly method?: string | undefined;
  /** The request target. */
  readonly url?: string | undefined;
  readonly httpVersionMajor: number;
  readonly httpVersionMinor: number;
  /** Names and values in turn, as sent. */
  readonly rawHeaders: readonly string[];
  readonly isClear?: false;
}

/**
 * The head of a request whose reader takes none but those in which nothing can mean two things, and which keep to the
 * bounds: there is nothing to find in it that was not looked for.
 */
export interface ClearHead extends Omit<RequestHead, 'isClear'> {
  readonly isClear: true;
  readonly method: string;
  /** The canonical path. */
  readonly path: string;
  /** The query with its `?`; '' when there is none. */
  readonly query: string;
  readonly bodyLength: number;
}

/**
 * A request whose head was examined: the one place where bytes from a client become something that decisions are made
 * on. Ordinary requests and upgrades go through it alike. When `denial` is set the other fields are filled in as far as
 * they were known, and the connection must close: what follows on it cannot be told apart from the request.
 */
export class ExaminedRequest implements RequestView {
  readonly method: string;
  readonly at: number;
  readonly head: Head;
  readonly requestId: string;
  /** The address that the connection came from, in canonical form. */
  readonly peer: string;
  path = '';
  /** The query with its `?`, as sent; '' when there is none. */
  query = '';
  address: string;
  /** What trusted proxies said, from the client on, as X-Forwarded-For lists it; '' when the peer is the client. */
  forwardedFor = '';
  /** What the client is told to have used, by a trusted proxy when there is one. */
  scheme = 'http';
  /** The host that the client asked for, by a trusted proxy's word when there is one; '' when it named none. */
  publicHost = '';
  /** Bytes of the body; CHUNKED when they come in chunks, 0 when there is none. */
  bodyLength = 0;
  denial: Denial | null = null;
  readonly #raw: readonly string[];

  constructor(request: RequestHead | ClearHead, head: Head, peer: string, at: number) {
    this.#raw = request.rawHeaders;
    this.method = request.method ?? '';
    this.head = head;
    this.peer = peer;
    this.address = peer;
    this.at = at;
    this.requestId = requestIdFrom(head.requestId);
  }

  header(name: string): string | undefined {
    if (name === 'authorization') return this.head.authorization;
    const raw = this.#raw;
    let found: string | undefined;
    for (let i = 0; i < raw.length; i += 2) {
      const each = raw[i] as string;
      if (each.length !== name.length || each.toLowerCase() !== name) continue;
      if (found === undefined) found = raw[i + 1] as string;
      // There is one program; where two are named the first is taken, as node:http does.
      else if (name !== 'user-agent') found += `, ${raw[i + 1]}`;
    }
    return found;
  }
}

const ODD_VERSION = deny('request_rejected', 'Only HTTP/1.1 and HTTP/1.0 are spoken here.');
const ODD_METHOD = deny('request_rejected', 'This method is not accepted.');
const TOO_MANY_HEADERS = deny('headers_too_large', 'The request has too many headers.');
const TARGET_TOO_LONG = deny('uri_too_long', 'The request target is too long.');

/**
 * Reads the head of a request into one meaning, or finds why it has none.
 * @param peer the connection's remote address in canonical form (core/address.ts)
 * @param at   when the head was complete, in milliseconds since the epoch
 */
export function examine(request: RequestHead | ClearHead, peer: string, policy: Policy, at: number): ExaminedRequest {
  const examined = new ExaminedRequest(request, readHead(request.rawHeaders, policy.allowedOverrides), peer, at);
  if (!policy.trusted.isEmpty) believe(examined, policy);
  else examined.publicHost = examined.head.host;
  if (request.isClear) {
    examined.path = request.path;
    examined.query = request.query;
    examined.bodyLength = request.bodyLength;
  } else examined.denial = headFault(request, examined, policy) ?? readTarget(request.url ?? '', examined, policy);
  return examined;
}

function headFault(request: RequestHead, examined: ExaminedRequest, policy: Policy): Denial | null {
  if (request.httpVersionMajor !== 1 || request.httpVersionMinor > 1) return ODD_VERSION;
  // TRACE echoes what the gateway adds for the upstream alone; CONNECT asks for a tunnel.
  if (examined.method === 'TRACE' || examined.method === 'CONNECT') return ODD_METHOD;
  if (request.rawHeaders.length > 2 * policy.proxy.maxHeaders) return TOO_MANY_HEADERS;
  const fault = framingFault(examined.head, request.httpVersionMinor);
  if (fault === null) examined.bodyLength = bodyLengthOf(examined.head);
  return fault;
}

function readTarget(raw: string, examined: ExaminedRequest, policy: Policy): Denial | null {
  if (raw.length > policy.proxy.maxTargetBytes) return TARGET_TOO_LONG;
  const target = canonicalTarget(raw, policy.targetRules);
  if (isFault(target)) return deny('request_rejected', `${target.fault}.`);
  examined.path = target.path;
  examined.query = target.query;
  return null;
}

/** Takes what a trusted proxy vouches for from those of its headers that are believed. */
function believe(examined: ExaminedRequest, { trusts, trusted, believed }: Policy): void {
  const { head, peer } = examined;
  examined.publicHost = head.host;
  if (!trusts(peer)) return;
  let proto = '';
  let host = '';
  if (believed.has('forwarded')) {
    const client = forwardedClient(peer, head.forwarded, trusted);
    examined.address = client.address;
    examined.forwardedFor = client.forwardedFor;
    ({ proto, host } = client);
  } else {
    if (believed.has('x-forwarded-for')) {
      const client = clientAddress(peer, head.forwardedFor, trusted);
      examined.address = client.address;
      examined.forwardedFor = client.forwardedFor;
    }
    if (believed.has('x-forwarded-proto')) proto = head.forwardedProto;
    if (believed.has('x-forwarded-host')) host = head.forwardedHost;
  }
  if (proto.toLowerCase() === 'https') examined.scheme = 'https';
  if (isHost(host)) examined.publicHost = host;
}
