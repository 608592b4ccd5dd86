import { type Denial, deny } from '../core/denial.ts';
import type { Head } from './head.ts';

/** Length of a body that comes in chunks. */
export const CHUNKED = -1;

const REPEATED_CREDENTIALS = deny('request_rejected', 'The request has more than one Authorization header.');
const REPEATED_FRAMING = deny('request_rejected', 'The request repeats a header that must be there once.');
const BOTH_FRAMINGS = deny('request_rejected', 'The request has both Content-Length and Transfer-Encoding.');
const ODD_ENCODING = deny(
  'request_rejected',
  'The only Transfer-Encoding that is understood is "chunked", in HTTP/1.1.',
);
const ODD_LENGTH = deny('request_rejected', 'Content-Length must be a plain decimal number.');
const ODD_CREDENTIALS = deny('request_rejected', 'The Authorization header must be printable ASCII.');
const NO_HOST = deny('request_rejected', 'HTTP/1.1 requires a Host header.');
const ODD_HOST = deny('request_rejected', 'The Host header must be a host name or address, with or without a port.');
const ODD_EXPECTATION = deny('request_rejected', 'The only expectation that is understood is "100-continue".');

/** More digits than any body has, and fewer than a number loses precision at. */
const MAX_LENGTH_DIGITS = 15;

/**
 * The headers on which a request's meaning hangs, held to one reading: where two parsers could disagree, the request is
 * refused. The HTTP parser refuses much of this itself; what it lets through is checked here.
 * @param minor minor version of HTTP/1
 * @returns null when the request is clear
 */
export function framingFault(head: Head, minor: number): Denial | null {
  if (head.repeated !== '') return head.repeated === 'Authorization' ? REPEATED_CREDENTIALS : REPEATED_FRAMING;
  if (head.transferEncoding !== '') {
    if (head.contentLength !== '') return BOTH_FRAMINGS;
    if (minor === 0 || head.transferEncoding.toLowerCase() !== 'chunked') return ODD_ENCODING;
  }
  if (head.contentLength !== '' && !isLength(head.contentLength)) return ODD_LENGTH;
  if (head.host === '') {
    if (minor !== 0) return NO_HOST;
  } else if (!isHost(head.host)) return ODD_HOST;
  if (head.authorization !== undefined && !isPrintable(head.authorization)) return ODD_CREDENTIALS;
  if (head.expect !== '' && head.expect.toLowerCase() !== '100-continue') return ODD_EXPECTATION;
  return null;
}

/** Bytes of the body that a clear head announces; CHUNKED when it says that they come in chunks. */
export function bodyLengthOf(head: Head): number {
  if (head.transferEncoding !== '') return CHUNKED;
  return head.contentLength === '' ? 0 : Number(head.contentLength);
}

/** Whether the connection is asked to become a WebSocket, in whatever form: `upgrade` among the options, and for that. */
export function asksForWebSocket(head: Head): boolean {
  return lists(head.connection, 'upgrade') && lists(head.upgrade, 'websocket');
}

function lists(value: string, wanted: string): boolean {
  return value.split(',').some((token) => token.trim().toLowerCase() === wanted);
}

function isLength(text: string): boolean {
  if (text.length > MAX_LENGTH_DIGITS) return false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x30 || code > 0x39) return false;
  }
  return text.length === 1 || text.charCodeAt(0) !== 0x30;
}

function isPrintable(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code > 0x7e) return false;
  }
  return true;
}

/** `name`, `1.2.3.4`, `[::1]`, each with or without `:port`. No user part, no list, nothing percent-encoded. */
export function isHost(text: string): boolean {
  let end = text.length;
  const colon = text.lastIndexOf(':');
  if (colon >= 0 && text.charCodeAt(end - 1) !== 0x5d) {
    if (!isPort(text, colon + 1)) return false;
    end = colon;
  }
  if (end === 0) return false;
  if (text.charCodeAt(0) === 0x5b) return end > 2 && text.charCodeAt(end - 1) === 0x5d && isBracketed(text, end - 1);
  for (let i = 0; i < end; i++) {
    if (!isNameCharacter(text.charCodeAt(i))) return false;
  }
  return true;
}

function isPort(text: string, from: number): boolean {
  const digits = text.length - from;
  if (digits === 0 || digits > 5) return false;
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x30 || code > 0x39) return false;
  }
  return true;
}

function isNameCharacter(code: number): boolean {
  const isLetter = (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a);
  const isDigit = code >= 0x30 && code <= 0x39;
  return isLetter || isDigit || code === 0x2d || code === 0x2e || code === 0x5f || code === 0x7e;
}

/** Hex digits, colons and dots between the brackets of an IPv6 address. */
function isBracketed(text: string, end: number): boolean {
  for (let i = 1; i < end; i++) {
    const code = text.charCodeAt(i) | 0x20;
    const isHex = (code >= 0x61 && code <= 0x66) || (code >= 0x30 && code <= 0x39);
    if (!isHex && code !== 0x3a && code !== 0x2e) return false;
  }
  return true;
}
