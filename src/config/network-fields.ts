import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { parseBlock } from '../core/address.ts';
import { canonicalTarget, isFault } from '../core/target.ts';
import type { ListenAddress } from './config.ts';
import { Invalid, shown, text, unexpected } from './fields.ts';

const LISTEN = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]*)):(\d{1,5})$/;
const HOST_NAME = /^(?=.{1,253}$)(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_][a-z0-9_-]{0,62})*$/;

const LISTEN_WHAT = 'an address and a port from 0 to 65535, like 0.0.0.0:8080 or [::1]:8080';

/** `host:port`; without a host, every IPv4 address. */
export function listenAddress() {
  return text(LISTEN_WHAT, parseListen);
}

/** `host:port`, or `off` for no listener at all: null. */
export function listenAddressOrOff() {
  const what = `${LISTEN_WHAT}, or off`;
  return text(what, (input): ListenAddress | null | Invalid => {
    if (input === 'off') return null;
    const address = parseListen(input);
    return address instanceof Invalid ? unexpected(what, input) : address;
  });
}

function parseListen(input: string): ListenAddress | Invalid {
  const found = LISTEN.exec(input);
  const port = Number(found?.[3]);
  if (found === null || port > 65_535) return unexpected(LISTEN_WHAT, input);
  const [, v6, name] = found;
  if (v6 !== undefined) return isIP(v6) === 6 ? { host: v6, port } : unexpected(LISTEN_WHAT, input);
  // 1.2.3 and 999.1.1.1 are looked up as names and fail much later, with a worse message.
  if (/^[\d.]+$/.test(name ?? '') && isIP(name ?? '') !== 4) return unexpected(LISTEN_WHAT, input);
  return { host: name || '0.0.0.0', port };
}

/** Whether a host can only be this machine: `localhost`, 127.0.0.1, ::1. */
export function isLoopback(host: string): boolean {
  if (isIP(host) === 0) return host === 'localhost' || host.endsWith('.localhost');
  return ipaddr.process(host).range() === 'loopback';
}

/** The host of an URL, an IPv6 address without its brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}

const JWKS_WHAT = 'an URL like https://login.example.com/.well-known/jwks.json';

/** Where public keys are published. Whoever can change them on their way here can make tokens, so the way is encrypted. */
export function jwksUrl() {
  return encryptedUrl(JWKS_WHAT);
}

const LIST_WHAT = 'an URL like https://check.torproject.org/torbulkexitlist';

/** Where a list is published. Whoever can change it on its way here can let addresses in, so the way is encrypted. */
export function listUrl() {
  return encryptedUrl(LIST_WHAT);
}

/** An URL that is read over TLS, or from this machine. */
function encryptedUrl(what: string) {
  return text(what, (input) => {
    // Said without the value: it may hold a password.
    if (input.includes('@')) return new Invalid(`expected ${what}, without user and password`);
    const masked = maskQuery(input);
    if (!/^https?:\/\/[\x21-\x7e]+$/i.test(input) || !URL.canParse(input)) return unexpected(what, masked);
    const url = new URL(input);
    if (url.hash !== '') return unexpected(what, masked);
    if (url.protocol === 'https:' || isLoopback(hostOf(url))) return url.href;
    return new Invalid(`expected https://; http:// is for this machine alone, got ${shown(masked)}`);
  });
}

/** An URL fit to be shown: what follows `?` or `#` may hold a secret, and is replaced by asterisks. */
export function maskQuery(url: string): string {
  return url.replace(/([?#]).+$/s, '$1********');
}

const NETWORK_WHAT = 'an address or a CIDR, like 10.0.0.0/8, 192.0.2.7 or fd00::/8';

/** An address or CIDR, as the part that believes it reads them. The written form is kept. */
export function network() {
  return text(NETWORK_WHAT, (input) => (parseBlock(input) === null ? unexpected(NETWORK_WHAT, input) : input));
}

const HOST_WHAT = 'a host name without a port, like api.example.com or *.example.com';

/** A host name, lower-cased; `*.` in front matches one or more labels. */
export function hostName() {
  return text(HOST_WHAT, (input) => {
    const name = input.toLowerCase().replace(/\.$/, '');
    const isAddress = isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0;
    return isAddress || HOST_NAME.test(name) ? name : unexpected(HOST_WHAT, input);
  });
}

const PREFIX_WHAT = 'a path prefix of whole segments, like /api/v2';

/** A path prefix in canonical form, without a trailing slash. */
export function pathPrefix() {
  return text(PREFIX_WHAT, (input) => {
    if (input.endsWith('/*'))
      return new Invalid(`expected ${PREFIX_WHAT}, without "/*": it covers all below it already`);
    const target = canonicalTarget(input, { allowPathParameters: true });
    if (isFault(target) || target.query !== '' || target.path !== input) return unexpected(PREFIX_WHAT, input);
    return input === '/' ? '/' : input.replace(/\/$/, '');
  });
}

const UPSTREAM_WHAT = 'an URL like http://127.0.0.1:9000 or https://api.internal/base';

/** The origin of an upstream and, where there is one, its base path, without a trailing slash. */
export function upstreamUrl() {
  return text(UPSTREAM_WHAT, (input) => {
    const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(input)?.[1]?.toLowerCase();
    if (scheme === undefined) return unexpected(UPSTREAM_WHAT, input);
    if (scheme !== 'http' && scheme !== 'https') return new Invalid(`expected http:// or https://, got ${scheme}://`);
    // Said without the value: it may hold a password.
    if (input.includes('@')) return new Invalid('expected no user or password in it; use "authorization" for that');
    if (/[?#]/.test(input)) return new Invalid('expected no query or fragment: they are the request’s own');
    // The URL class repairs what it can; a gateway must send what is written, or refuse it.
    if (!/^[\x21-\x7e]+$/.test(input) || input.includes('\\') || !URL.canParse(input)) {
      return unexpected(UPSTREAM_WHAT, input);
    }
    const url = new URL(input);
    const path = input.slice(scheme.length + 3).replace(/^[^/]*/, '');
    const target = canonicalTarget(path === '' ? '/' : path, { allowPathParameters: true });
    if (isFault(target) || target.path !== (path === '' ? '/' : path)) {
      return new Invalid(`expected a base path in canonical form, got ${JSON.stringify(path)}`);
    }
    return url.origin + (path === '/' ? '' : path.replace(/\/$/, ''));
  });
}
