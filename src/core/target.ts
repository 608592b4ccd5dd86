/**
 * The request target in one canonical form. Routes are matched on it and exactly it is forwarded, so that nothing can
 * mean one path to the gateway and another to the upstream. It is computed once, never resolved against a base URL
 * (RFC 3986 dot-segment removal is how bypasses start), and never repaired: what is ambiguous is refused.
 *
 * Canonical: every character that may stand plainly in a path segment stands plainly there, all others are
 * percent-encoded in upper case. That decodes more than RFC 3986 §6.2.2 asks for (`%3A` as well as `%41`), because an
 * upstream that decodes `/v1/things%3Apurge` acts on `/v1/things:purge`, and the two must find the same route.
 */
export interface Target {
  readonly path: string;
  /** The query with its `?`, byte for byte as sent; '' when there is none. */
  readonly query: string;
}

export interface TargetRules {
  /** Accept `;` in the path. Some upstreams cut it and what follows off before they route. */
  readonly allowPathParameters: boolean;
}

/** Why a target is refused: a fixed sentence that never repeats the target. */
export type TargetFault = { readonly fault: string };

const PLAIN = 1;
const DOT = 2;
const SLASH = 3;
const PERCENT = 4;
const SEMICOLON = 5;

const KIND = new Uint8Array(128);
for (const c of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~!$&'()*+,=:@") {
  KIND[c.charCodeAt(0)] = PLAIN;
}
KIND[0x2e] = DOT;
KIND[0x2f] = SLASH;
KIND[0x25] = PERCENT;
KIND[0x3b] = SEMICOLON;

const QUERY_MARK = 0x3f;

/**
 * @param raw the target as it stood in the request line, in origin form
 * @returns the canonical target, or why it is refused
 */
export function canonicalTarget(raw: string, rules: TargetRules): Target | TargetFault {
  if (raw.charCodeAt(0) !== 0x2f) return { fault: 'The request target must start with "/"' };
  const length = raw.length;
  let encoded = false;
  let dotted = false;
  let parameters = false;
  let i = 0;
  let previous = 0;
  for (; i < length; i++) {
    const code = raw.charCodeAt(i);
    if (code === QUERY_MARK) break;
    const kind = KIND[code] ?? 0;
    if (kind === SLASH && previous === SLASH) return { fault: 'The path has an empty segment ("//")' };
    if (kind === 0) return { fault: 'The path has a character that must be percent-encoded' };
    if (kind === PERCENT) encoded = true;
    else if (kind === DOT) dotted = true;
    else if (kind === SEMICOLON) {
      if (!rules.allowPathParameters) return { fault: 'The path has a ";"' };
      parameters = true;
    }
    previous = kind;
  }
  const rawPath = i === length ? raw : raw.slice(0, i);
  const query = i === length ? '' : raw.slice(i);
  if (query !== '' && !isCleanQuery(query)) return { fault: 'The query has a character that must be percent-encoded' };
  if (!encoded && !dotted && !parameters) return { path: rawPath, query };
  const path = encoded ? decodePlain(rawPath, rules) : rawPath;
  if (typeof path !== 'string') return path;
  if (hasDotSegment(path)) return { fault: 'The path has a dot segment' };
  if (rules.allowPathParameters) {
    const fault = parameterFault(path);
    if (fault !== null) return { fault };
  }
  return { path, query };
}

/** Tells a refused target from a canonical one. */
export function isFault(target: Target | TargetFault): target is TargetFault {
  return 'fault' in target;
}

function isCleanQuery(query: string): boolean {
  for (let i = 0; i < query.length; i++) {
    const code = query.charCodeAt(i);
    // Controls, space, non-ASCII, `#` and `\`; the rest is left as the caller wrote it.
    if (code <= 0x20 || code >= 0x7f || code === 0x23 || code === 0x5c) return false;
  }
  return true;
}

/** Decodes what may stand plainly, upper-cases the other triplets, refuses those that could mean something else. */
function decodePlain(path: string, rules: TargetRules): string | TargetFault {
  let out = '';
  let copied = 0;
  let i = path.indexOf('%');
  while (i >= 0) {
    const hex = path.slice(i + 1, i + 3);
    if (!/^[0-9A-Fa-f]{2}$/.test(hex)) return { fault: 'The path has a "%" that is not followed by two hex digits' };
    const code = Number.parseInt(hex, 16);
    const fault = refusedOctet(code, rules);
    if (fault !== null) return { fault };
    const kept = KIND[code] === PLAIN || KIND[code] === DOT ? String.fromCharCode(code) : `%${hex.toUpperCase()}`;
    out += path.slice(copied, i) + kept;
    copied = i + 3;
    i = path.indexOf('%', copied);
  }
  out += path.slice(copied);
  // Overlong and broken UTF-8 is how "%c0%ae" came to mean "." to some decoders.
  return isUtf8(out) ? out : { fault: 'The path has percent-encoded octets that are not UTF-8' };
}

function refusedOctet(code: number, rules: TargetRules): string | null {
  if (code === 0x2f || code === 0x5c) return 'The path has an encoded slash or backslash';
  if (code < 0x20 || code === 0x7f) return 'The path has an encoded control character';
  if (code === 0x3b && !rules.allowPathParameters) return 'The path has an encoded ";"';
  return null;
}

function isUtf8(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}

function hasDotSegment(path: string): boolean {
  return path.includes('/./') || path.includes('/../') || path.endsWith('/.') || path.endsWith('/..');
}

/** An upstream that cuts `;` and what follows off each segment must not be left with a dot segment, nor an empty one. */
function parameterFault(path: string): string | null {
  for (const segment of path.split('/')) {
    const end = segment.search(/;|%3B/);
    if (end < 0) continue;
    const name = segment.slice(0, end);
    if (name === '.' || name === '..') return 'The path has a dot segment';
    if (name === '') return 'The path has a segment that is empty before its ";"';
  }
  return null;
}
