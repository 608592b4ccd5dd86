import type { UpstreamConfig } from '../../config/config.ts';
import type { Decision } from '../../core/decision.ts';
import type { ExaminedRequest } from '../examine.ts';
import { upstreamHeaders } from '../headers-upstream.ts';

/** Methods whose requests are expected to have a body: they say so when they have none (RFC 9110 §8.6). */
const TAKES_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'QUERY', 'PROPFIND', 'PROPPATCH']);

/** Where a request goes to. */
export interface Destination {
  readonly config: UpstreamConfig;
  /** Put before every path. */
  readonly basePath: string;
  /** `host` is what the upstream is told as Host, unless it is the client's. */
  readonly links: { readonly host: string };
}

/** Whether an upstream is expected to read the body of a request with this method. */
export function takesBody(method: string): boolean {
  return TAKES_BODY.has(method);
}

/**
 * The head of a request as it goes to an upstream, in latin1.
 * @param bodyLength bytes of the body; 0 when there is none
 */
export function upstreamHead(
  request: ExaminedRequest,
  decision: Decision,
  upstream: Destination,
  bodyLength: number,
): string {
  const { method } = request;
  const { config, links } = upstream;
  const headers = upstreamHeaders(request, decision, config);
  const host = config.preserveHost && request.head.host !== '' ? request.head.host : links.host;
  // Some upstreams send a body in answer to HEAD: what follows on that connection could not be told apart.
  const connection = method === 'HEAD' ? 'close' : 'keep-alive';
  let text = `${method} ${upstream.basePath}${request.path}${request.query} HTTP/1.1\r\nhost: ${host}\r\nconnection: ${connection}\r\n`;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (name !== 'Host') text += `${name}: ${headers[i + 1]}\r\n`;
  }
  if (bodyLength > 0 || (method !== 'GET' && takesBody(method))) text += `content-length: ${bodyLength}\r\n`;
  return `${text}\r\n`;
}
