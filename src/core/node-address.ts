import { canonicalAddress } from './address.ts';

/** The zone of an IPv6 address (RFC 4007 §11): the name or number of an interface. */
const ZONE = /^[A-Za-z0-9._~-]{1,64}$/;

/** What may stand behind the colon besides a port (RFC 7239 §6.3). */
const HIDDEN_NAME = /^_[A-Za-z0-9._-]+$/;

/**
 * An entry of X-Forwarded-For, which no standard describes, in the forms that proxies write: `203.0.113.7`,
 * `203.0.113.7:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:443`, each IPv6 address with a zone or without.
 * Without brackets the last group of an IPv6 address is never a port: `2001:db8::1:443` is an address.
 * @returns the address in canonical form; null when the text is none of these
 */
export function entryAddress(text: string): string | null {
  return bareAddress(text) ?? nodeAddress(text, isPort);
}

/**
 * A node of Forwarded (RFC 7239 §6) that has an address: an IPv6 one is in brackets, and the port may be obfuscated. A
 * zone, which the RFC does not know, is taken as well: it makes no other address of it.
 * @returns the address in canonical form; null for any other node, and for what is none
 */
export function forwardedNodeAddress(text: string): string | null {
  return nodeAddress(text, (port) => isPort(port) || HIDDEN_NAME.test(port));
}

/** Whether the text is a node of Forwarded that keeps its address to itself: `unknown` or `_name`, maybe with a port. */
export function isHiddenNode(text: string): boolean {
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  if (name.toLowerCase() !== 'unknown' && !HIDDEN_NAME.test(name)) return false;
  const port = text.slice(name.length + 1);
  return colon < 0 || isPort(port) || HIDDEN_NAME.test(port);
}

/** `a.b.c.d` or `[v6]`, either alone or with `:port`. */
function nodeAddress(text: string, isNodePort: (text: string) => boolean): string | null {
  const isBracketed = text.startsWith('[');
  const colon = text.indexOf(':', isBracketed ? text.indexOf(']') : 0);
  const end = colon < 0 ? text.length : colon;
  if (colon >= 0 && !isNodePort(text.slice(colon + 1))) return null;
  if (isBracketed && text[end - 1] !== ']') return null;
  const name = isBracketed ? text.slice(1, end - 1) : text.slice(0, end);
  return name.includes(':') === isBracketed ? bareAddress(name) : null;
}

function bareAddress(text: string): string | null {
  const percent = text.indexOf('%');
  if (percent >= 0 && !ZONE.test(text.slice(percent + 1))) return null;
  return canonicalAddress(text);
}

/** An entry of a list without the spaces and tabs around it. Other blanks are part of it, and make it malformed. */
export function withoutBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function isPort(text: string): boolean {
  return /^[0-9]{1,5}$/.test(text) && Number(text) <= 65_535;
}
