import { createLocalJWKSet, type JSONWebKeySet, type LocalJWKSet } from 'jose';

/** From the request to the last byte of the answer. */
const TIMEOUT_MS = 5_000;
const MAX_BYTES = 256 * 1024;
const MAX_KEYS = 100;

/** The keys of tokens could not be read from where their issuer publishes them. */
export class KeysUnreadable extends Error {
  /** A fragment: `answers with status 404`. The same each time that the same thing is wrong. */
  readonly reason: string;
  constructor(url: string, reason: string, cause?: unknown) {
    const { origin, pathname } = new URL(url);
    super(`${origin}${pathname} ${reason}`, cause === undefined ? {} : { cause });
    this.name = 'KeysUnreadable';
    this.reason = reason;
  }
}

/**
 * Reads the keys that an issuer of tokens publishes at an address, as a JWKS.
 *
 * @throws KeysUnreadable after five seconds at the latest
 */
export async function fetchKeys(url: string): Promise<LocalJWKSet> {
  const text = await read(url);
  const jwks = parsed(text, url);
  if (!Array.isArray(jwks?.keys)) throw new KeysUnreadable(url, 'sends something else than a set of keys');
  if (jwks.keys.length > MAX_KEYS) throw new KeysUnreadable(url, `sends more than ${MAX_KEYS} keys`);
  try {
    return createLocalJWKSet(jwks);
  } catch (error) {
    throw new KeysUnreadable(url, 'sends a set of keys that is malformed', error);
  }
}

function parsed(text: string, url: string): JSONWebKeySet | null {
  try {
    return JSON.parse(text) as JSONWebKeySet | null;
  } catch (error) {
    throw new KeysUnreadable(url, 'sends something else than JSON', error);
  }
}

async function read(url: string): Promise<string> {
  try {
    const response = await fetch(url, {
      // To be sent elsewhere would put the choice of keys into the hands of whoever is there.
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: { accept: 'application/jwk-set+json, application/json' },
    });
    return await bodyOf(response, url);
  } catch (error) {
    if (error instanceof KeysUnreadable) throw error;
    if (error instanceof DOMException) throw new KeysUnreadable(url, `does not answer within ${TIMEOUT_MS} ms`, error);
    throw new KeysUnreadable(url, `cannot be reached (${codeOf(error)})`, error);
  }
}

async function bodyOf({ status, body }: Response, url: string): Promise<string> {
  if (status !== 200) {
    await body?.cancel();
    const isRedirect = status >= 300 && status < 400;
    throw new KeysUnreadable(
      url,
      `answers with status ${status}${isRedirect ? ', a redirect, which is not followed' : ''}`,
    );
  }
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of (body ?? []) as AsyncIterable<Uint8Array>) {
    length += piece.length;
    if (length > MAX_BYTES) throw new KeysUnreadable(url, `sends more than ${MAX_BYTES} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** `ECONNREFUSED`, `CERT_HAS_EXPIRED`, …: fetch has it as the cause of its own error. */
function codeOf(error: unknown): string {
  for (const each of [error instanceof Error ? error.cause : null, error]) {
    if (each instanceof Error && 'code' in each && typeof each.code === 'string') return each.code;
  }
  return 'the connection failed';
}
