import type { UpstreamConfig } from '../config/config.ts';
import type { Decision, LoadedKey } from '../core/decision.ts';
import type { ExaminedRequest } from './examine.ts';

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
  headers.push(
    'X-Forwarded-For',
    request.forwardedFor === '' ? request.peer : `${request.forwardedFor}, ${request.peer}`,
    'X-Forwarded-Proto',
    request.scheme,
    'X-Request-Id',
    request.requestId,
  );
  if (request.publicHost !== '') headers.push('X-Forwarded-Host', request.publicHost);
  if (decision.key !== null) {
    const identity = identityOf(decision.key);
    for (let i = 0; i < identity.length; i++) headers.push(identity[i] as string);
  }
  return headers;
}

const identities = new WeakMap<LoadedKey, readonly string[]>();

/** Who the key stands for, as headers: made once for each loaded key. */
function identityOf(key: LoadedKey): readonly string[] {
  let identity = identities.get(key);
  if (identity === undefined) {
    const { id, type, owner } = key.record;
    identity = [
      'X-Latchkey-Key-Id',
      headerText(id),
      'X-Latchkey-Key-Type',
      headerText(type),
      'X-Latchkey-Owner',
      headerText(owner),
      'X-Latchkey-Permissions',
      headerText(key.permissionsHeader),
    ];
    identities.set(key, identity);
  }
  return identity;
}

/**
 * Text as a header can carry it: what is not printable ASCII is percent-encoded as UTF-8, and so is `%` itself, so that
 * decoding always gives the text back.
 */
export function headerText(text: string): string {
  return text.toWellFormed().replaceAll(/[^\x20-\x24\x26-\x7e]+|%|^ | $/gu, encodeURIComponent);
}
