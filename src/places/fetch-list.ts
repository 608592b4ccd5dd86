import { PlacesError } from '../core/places.ts';
import { gather } from './gather.ts';

export const URL_SETTING = 'tor.list_url';
/** From the request to the last byte of the answer. */
const TIMEOUT_MS = 30_000;
const MAX_VALIDATOR = 256;

/** What a server said of the list that it sent, by which it tells later whether it has a new one. */
export interface Validators {
  /** `ETag` (RFC 9110 §8.8.3); null: it sent none. */
  readonly etag: string | null;
  /** `Last-Modified`, as it was sent. */
  readonly lastModified: string | null;
}

export const NO_VALIDATORS: Validators = { etag: null, lastModified: null };

export interface FetchOptions {
  /** Bytes of an answer. */
  readonly limit: number;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Milliseconds; 30 seconds when absent. */
  readonly timeoutMs?: number | undefined;
}

export interface FetchedList extends Validators {
  readonly bytes: Buffer;
}

/**
 * Fetches a list.
 *
 * @param known of the list that is here already
 * @returns null: that is still the one
 * @throws PlacesError when there is none to be had in time
 */
export async function fetchList(url: string, known: Validators, options: FetchOptions): Promise<FetchedList | null> {
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, {
      // To be sent elsewhere would put the choice of addresses into the hands of whoever is there.
      redirect: 'manual',
      signal: AbortSignal.any([timeout, options.signal]),
      headers: headersFor(known),
    });
    return await listOf(response, url, known, options.limit);
  } catch (error) {
    if (error instanceof PlacesError) throw error;
    if (timeout.aborted) throw failure(url, `does not answer within ${timeoutMs} ms`);
    throw failure(url, `cannot be reached (${codeOf(error)})`, { cause: error });
  }
}

/** An address as messages show it: what follows `?` may be a secret. */
export function shownUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

function headersFor({ etag, lastModified }: Validators): Record<string, string> {
  return {
    accept: 'text/plain, */*;q=0.1',
    'user-agent': 'latchkey',
    ...(etag === null ? {} : { 'if-none-match': etag }),
    ...(lastModified === null ? {} : { 'if-modified-since': lastModified }),
  };
}

async function listOf(
  { status, headers, body }: Response,
  url: string,
  known: Validators,
  limit: number,
): Promise<FetchedList | null> {
  if (status !== 200) {
    await body?.cancel();
    const isKnown = known.etag !== null || known.lastModified !== null;
    if (status === 304 && isKnown) return null;
    const isRedirect = status >= 301 && status <= 308 && status !== 304;
    throw failure(url, `answers with status ${status}${isRedirect ? ', a redirect, which is not followed' : ''}`);
  }
  const bytes = await gather((body ?? []) as AsyncIterable<Uint8Array>, limit);
  if (bytes === null) throw invalidList(url, `is too long; expected at most ${limit / 1024 / 1024}MiB`);
  return { bytes, ...validators(headers.get('etag'), headers.get('last-modified')) };
}

/** What can be sent back as it is; another form than these two have is forgotten. */
export function validators(etag: string | null, lastModified: string | null): Validators {
  return {
    etag: kept(etag, /^(?:W\/)?"[\x21\x23-\x7e]*"$/),
    lastModified: kept(lastModified, /^[A-Za-z]+, [A-Za-z0-9 :-]+$/),
  };
}

function kept(value: string | null, form: RegExp): string | null {
  return value !== null && value.length <= MAX_VALIDATOR && form.test(value) ? value : null;
}

/** @param problem what is wrong with the list, as a fragment */
export function invalidList(url: string, problem: string): PlacesError {
  return new PlacesError('PLACES_INVALID', URL_SETTING, `${shownUrl(url)} ${problem}`);
}

function failure(url: string, problem: string, options: ErrorOptions = {}): PlacesError {
  return new PlacesError('PLACES_UNREADABLE', URL_SETTING, `${shownUrl(url)} ${problem}`, options);
}

/** `ECONNREFUSED`, `CERT_HAS_EXPIRED`, …: fetch has it as the cause of its own error. */
function codeOf(error: unknown): string {
  for (const each of [error instanceof Error ? error.cause : null, error]) {
    if (each instanceof Error && 'code' in each && typeof each.code === 'string') return each.code;
  }
  return 'the connection failed';
}
