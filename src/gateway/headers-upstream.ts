import type { UpstreamConfig } from '../config/config.ts';
import type { Decision, LoadedKey } from '../core/decision.ts';
import type { ExaminedRequest } from './examine.ts';
import { inOnePiece, pushLines } from './header-lines.ts';

/**
 * The headers that go to the upstream: what the client sent and may pass on, then what the gateway sets. Names in the
 * first part are never those of the second (header-names.ts), so that nothing here can be doubled or displaced.
 *
 * The framing is not in it: Content-Length and Transfer-Encoding, Connection and Upgrade are the sender's to write, and
 * so is Host, unless the upstream is to see the client's.
 * @returns names and values in turn. The array is the request's own; the caller may add to it.
 */
export function upstreamHeaders(request: ExaminedRequest, decision: Decision, upstream: UpstreamConfig): string[] {
  const headers = request.head.passed.slice();
  if (upstream.preserveHost && request.head.host !== '') headers.push('Host', request.head.host);
  if (upstream.authorization !== null) headers.push('Authorization', upstream.authorization);
  pushLines(headers, toldLines(request, decision));
  return headers;
}

/** What the upstream is told of the client and of the key, as header lines: the same for every upstream. */
export function toldLines(request: ExaminedRequest, decision: Decision): string {
  const { peer, forwardedFor, publicHost } = request;
  let lines = (forwardedFor === '' ? FORWARDED_FOR : `${FORWARDED_FOR}${forwardedFor}, `) + peer;
  lines += (request.scheme === 'https' ? BEHIND_HTTPS : BEHIND_HTTP) + request.requestId;
  if (publicHost !== '') lines += FORWARDED_HOST + publicHost;
  return decision.key === null ? lines + LINE_END : lines + identityOf(decision.key);
}

const LINE_END = '\r\n';
const FORWARDED_FOR = 'X-Forwarded-For: ';
const BEHIND_HTTP = '\r\nX-Forwarded-Proto: http\r\nX-Request-Id: ';
const BEHIND_HTTPS = '\r\nX-Forwarded-Proto: https\r\nX-Request-Id: ';
const FORWARDED_HOST = '\r\nX-Forwarded-Host: ';

/** Who the key stands for, as headers behind the end of a line: made once for each loaded key. */
function identityOf({ texts, record, permissionsHeader }: LoadedKey): string {
  if (texts.upstreamHeaders === '') {
    texts.upstreamHeaders = inOnePiece(
      `${LINE_END}X-Latchkey-Key-Id: ${headerText(record.id)}\r\nX-Latchkey-Key-Type: ${headerText(record.type)}\r\n` +
        `X-Latchkey-Owner: ${headerText(record.owner)}\r\nX-Latchkey-Permissions: ${headerText(permissionsHeader)}\r\n`,
    );
  }
  return texts.upstreamHeaders;
}

/**
 * Text as a header can carry it: what is not printable ASCII is percent-encoded as UTF-8, and so is `%` itself, so that
 * decoding always gives the text back.
 */
export function headerText(text: string): string {
  return text.toWellFormed().replaceAll(/[^\x20-\x24\x26-\x7e]+|%|^ | $/gu, encodeURIComponent);
}
