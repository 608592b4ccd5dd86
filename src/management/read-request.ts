import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Endpoint } from './endpoint.ts';
import { ManagementError } from './failures.ts';
import { announcesBody, parseBody, readBody } from './read-body.ts';
import { checkBody, checkParameters, type Parameters, refuseParameters } from './validate.ts';

/** Headers that a request may have once at most: of two, two readers could each believe another. */
const SINGLE = new Set([
  'authorization',
  'content-encoding',
  'content-type',
  'expect',
  'host',
  'idempotency-key',
  'last-event-id',
]);
/** What stands between the quotes of an entity tag (RFC 9110 §8.8.3). */
const OPAQUE = /^[\x21\x23-\x7e\x80-\xff]*$/;
const SPACES = /\s*/y;
/** The tags that are sent with what is shown. */
const VERSION = /^v([1-9]\d{0,14})$/;
const MAX_EVENT_ID = 500;
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/** What a request asks of an endpoint, checked. */
export interface Asked {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly ifMatch: readonly number[] | null;
  readonly idempotencyKey: string | null;
  readonly lastEventId: string | null;
}

/** @throws ManagementError request_invalid when a header that counts is there twice */
export function checkHeaders({ rawHeaders }: IncomingMessage): void {
  const seen = new Set<string>();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    const lower = name.toLowerCase();
    if (SINGLE.has(lower) && seen.has(lower)) throw invalidHeader(name, 'is given twice; expected once');
    seen.add(lower);
  }
}

/**
 * Reads and checks all that an endpoint takes, the body last.
 *
 * @param params of the path
 * @param query  of the target
 * @throws ManagementError for whatever is not valid
 */
export async function readRequest(
  endpoint: Endpoint,
  params: Parameters,
  query: Parameters,
  request: IncomingMessage,
  response: ServerResponse,
  maxBodyBytes: number,
): Promise<Asked> {
  const { headers } = request;
  return {
    ifMatch: endpoint.isVersioned === true ? versionsOf(headers['if-match']) : null,
    idempotencyKey: endpoint.isIdempotent === true ? idempotencyKeyOf(headers['idempotency-key']?.toString()) : null,
    lastEventId: endpoint.streams === true ? lastEventIdOf(headers['last-event-id']?.toString()) : null,
    params: endpoint.params === undefined ? params : checkParameters(endpoint.params, params),
    query: checkQuery(endpoint, query),
    body: await bodyOf(endpoint, request, response, maxBodyBytes),
  };
}

function checkQuery(endpoint: Endpoint, query: Parameters): unknown {
  if (endpoint.query !== undefined) return checkParameters(endpoint.query, query);
  refuseParameters(query);
  return {};
}

async function bodyOf(
  endpoint: Endpoint,
  request: IncomingMessage,
  response: ServerResponse,
  maxBodyBytes: number,
): Promise<unknown> {
  const bytes = announcesBody(request) ? await readBody(request, response, maxBodyBytes) : Buffer.alloc(0);
  if (endpoint.body === undefined) {
    if (bytes.length === 0) return undefined;
    throw new ManagementError('request_invalid', 'No body is taken here; expected none.');
  }
  if (bytes.length > 0) return checkBody(endpoint.body, parseBody(bytes, request));
  if (endpoint.bodyMayBeEmpty === true) return checkBody(endpoint.body, {});
  throw new ManagementError('body_malformed', 'The body is empty; expected a JSON object.');
}

/**
 * The versions that If-Match names. A weak tag matches nothing (RFC 9110 §13.1.1), nor does a tag that is none of ours.
 *
 * @returns null when it is absent or `*`
 */
export function versionsOf(header: string | undefined): number[] | null {
  if (header === undefined || header.trim() === '*') return null;
  const versions: number[] = [];
  let isEmpty = true;
  for (let at = 0; at < header.length; ) {
    const { tag, isWeak, next } = elementAt(header, at);
    at = next;
    isEmpty &&= tag === null;
    const version = isWeak ? undefined : VERSION.exec(tag ?? '')?.[1];
    if (version !== undefined) versions.push(Number(version));
  }
  if (isEmpty) throw invalidHeader('If-Match', 'is empty; expected * or entity tags in double quotes, like "v3"');
  return versions;
}

interface Element {
  /** null: the element is empty, which lists may have (RFC 9110 §5.6.1). */
  readonly tag: string | null;
  readonly isWeak: boolean;
  /** Where the next one begins. */
  readonly next: number;
}

/** One element of a list of entity tags. By hand: an expression for all of it would try each space again and again. */
function elementAt(header: string, from: number): Element {
  const start = afterSpaces(header, from);
  const isWeak = header.startsWith('W/"', start);
  const opening = isWeak ? start + 2 : start;
  let tag: string | null = null;
  let end = start;
  if (header[opening] === '"') {
    const closing = header.indexOf('"', opening + 1);
    tag = closing < 0 ? null : header.slice(opening + 1, closing);
    if (tag === null || !OPAQUE.test(tag)) throw malformedIfMatch();
    end = afterSpaces(header, closing + 1);
  }
  if (end < header.length && header[end] !== ',') throw malformedIfMatch();
  return { tag, isWeak, next: end + 1 };
}

function afterSpaces(text: string, from: number): number {
  SPACES.lastIndex = from;
  SPACES.exec(text);
  return SPACES.lastIndex;
}

function malformedIfMatch(): ManagementError {
  return invalidHeader('If-Match', 'is malformed; expected * or entity tags in double quotes, like "v3"');
}

/** @returns null when it is absent */
export function idempotencyKeyOf(header: string | undefined): string | null {
  if (header === undefined) return null;
  const bare = header.length > 1 && header.startsWith('"') && header.endsWith('"') ? header.slice(1, -1) : header;
  if (IDEMPOTENCY_KEY.test(bare)) return bare;
  throw invalidHeader('Idempotency-Key', 'is malformed; expected 1 to 255 visible ASCII characters');
}

/** An empty one is as good as none: so a browser says that it has seen no event with an id. */
function lastEventIdOf(header: string | undefined): string | null {
  if (header === undefined || header === '') return null;
  if (header.length <= MAX_EVENT_ID) return header;
  throw invalidHeader('Last-Event-ID', `is longer than any that was sent; expected at most ${MAX_EVENT_ID} characters`);
}

function invalidHeader(header: string, detail: string): ManagementError {
  return new ManagementError('request_invalid', `The header ${header} ${detail}.`, [{ header, detail }]);
}
