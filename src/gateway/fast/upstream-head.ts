import type { UpstreamConfig } from '../../config/config.ts';
import type { Decision } from '../../core/decision.ts';
import type { ExaminedRequest } from '../examine.ts';
import { inOnePiece } from '../header-lines.ts';
import { toldLines } from '../headers-upstream.ts';

/** Methods whose requests are expected to have a body: they say so when they have none (RFC 9110 §8.6). */
const TAKES_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'QUERY', 'PROPFIND', 'PROPPATCH']);

const LINE_END = '\r\n';

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
  const { method, head } = request;
  const { config } = upstream;
  const { passed } = head;
  const keepsHost = config.preserveHost && head.host !== '';
  const host = keepsHost ? head.host : upstream.links.host;
  // Some upstreams send a body in answer to HEAD: what follows on that connection could not be told apart.
  let text =
    method + ' ' + upstream.basePath + request.path + request.query + opening(host, method === 'HEAD', !keepsHost);
  for (let i = 0; i < passed.length; i += 2) {
    text += (passed[i] as string) + ': ' + (passed[i + 1] as string) + LINE_END;
  }
  if (config.authorization !== null) text += `Authorization: ${config.authorization}\r\n`;
  text += toldLines(request, decision);
  if (bodyLength > 0 || (method !== 'GET' && takesBody(method))) text += `content-length: ${bodyLength}\r\n`;
  return text + LINE_END;
}

const MAX_OPENINGS = 64;
/** What is written for each upstream host. */
const openings = new Map<string, string>();

/** What stands behind the target: the end of the line, and the headers of this connection. */
function opening(host: string, isLast: boolean, isConfigured: boolean): string {
  if (isLast) return ` HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n`;
  const made = isConfigured ? openings.get(host) : undefined;
  return made ?? newOpening(host, isConfigured);
}

function newOpening(host: string, isConfigured: boolean): string {
  const made = ` HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`;
  // Hosts that clients choose are not kept.
  if (!isConfigured) return made;
  if (openings.size >= MAX_OPENINGS) openings.clear();
  const kept = inOnePiece(made);
  openings.set(host, kept);
  return kept;
}
