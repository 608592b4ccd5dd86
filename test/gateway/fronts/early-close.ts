import { INDEX_HEADER } from './case.ts';
import type { Seen, SeenAnswer, SeenExchange, SeenRequest } from './outcome.ts';

/** What an exchange that failed comes to, however it did. */
const FAILED = {
  status: 502,
  code: 'upstream_invalid',
  requestBytes: 'some',
  responseBytes: 'some',
  reachedUpstream: false,
  failed: true,
} as const;
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Whether a request may have been begun before it was known that no answer to it can follow. */
export function isSafe({ start }: SeenRequest): boolean {
  return SAFE.has(start.slice(0, start.indexOf(' ')));
}

/** Which request of its case it is; NaN for the one that ends every case. */
export function indexOf({ fields }: SeenRequest): number {
  const prefix = `${INDEX_HEADER.toLowerCase()}: `;
  return Number(fields.find((field) => field.startsWith(prefix))?.slice(prefix.length));
}

/** Whether it is of a request whose client got no answer, and that was safe, or never checked and so not begun. */
export function isUnanswered({ aborted, method, allowed, route, keyId }: SeenExchange): boolean {
  return aborted === 'client' && (SAFE.has(method) || (!allowed && route === null && keyId === null));
}

/**
 * Of requests sent without waiting, takes out of both sides what is behind the first answer with which one of them closed
 * the connection, and whether that answer says so. Not where that side did more behind it than begin safe requests.
 */
export function forgetBehindClose(auto: Seen, node: Seen): void {
  const first = closesEarlier(auto, node) ? auto : node;
  const other = first === auto ? node : auto;
  const count = first.answers.length;
  if (!isClosing(first.answers.at(-1)) && !hasLostRefusal(first)) return;
  if (first.requests.some((each) => !isBefore(each, count) && !isSafe(each))) return;
  const exchanges = first.exchanges.filter((each) => !isUnanswered(each));
  if (!areAmong(exchanges, other.exchanges)) return;
  for (const seen of [first, other]) {
    seen.answers = seen.answers
      .slice(0, count)
      .map((answer, i) => (i === count - 1 ? withoutConnection(answer) : answer));
    seen.requests = seen.requests.filter((each) => isBefore(each, count));
    seen.exchanges = exchanges;
    seen.kept = false;
  }
}

/**
 * Of requests sent without waiting, of which one's answer was cut: the reset of the connection may take along answers that
 * the client has not read yet. What one of both lost is taken out of the other, as long as nothing unsafe was asked for.
 */
export function forgetLostAnswers(auto: Seen, node: Seen): void {
  if (![auto, node].every(({ exchanges }) => exchanges.some(({ aborted }) => aborted === 'upstream'))) return;
  const count = Math.min(auto.answers.length, node.answers.length);
  for (const seen of [auto, node]) {
    seen.answers = seen.answers.slice(0, count);
    seen.requests = seen.requests.filter((request) => !isSafe(request) || isBefore(request, count));
    const came = new Set(seen.answers.flatMap(({ fields }) => fields));
    seen.exchanges = seen.exchanges.filter(
      ({ method, requestId }) => !SAFE.has(method) || came.has(idField(requestId)),
    );
  }
}

/** Takes out of both sides what became of the requests that failed at the upstream on one of them. */
export function forgetFailed(auto: Seen, node: Seen): void {
  const ids = [auto, node].flatMap(({ exchanges }) => exchanges.filter(({ failed }) => failed));
  const failed = new Set(ids.map(({ requestId }) => idField(requestId)));
  const hasFailed = ({ fields }: SeenRequest): boolean => fields.some((field) => failed.has(field));
  for (const seen of [auto, node]) {
    seen.exchanges = seen.exchanges.map((each) =>
      failed.has(idField(each.requestId)) ? { ...each, ...FAILED } : each,
    );
    seen.answers = seen.answers.map((each) => (hasFailed(each) ? { ...each, start: '', fields: [], body: '' } : each));
    seen.requests = seen.requests.filter((each) => !hasFailed(each));
  }
}

/** The field of an answer that names its request. */
function idField(requestId: string): string {
  return `x-request-id: ${requestId}`;
}

function closesEarlier(one: Seen, other: Seen): boolean {
  const difference = one.answers.length - other.answers.length;
  return difference < 0 || (difference === 0 && isClosing(one.answers.at(-1)));
}

/** Whether the reset of a connection that was closed while the client still sent has taken a refusal along. */
function hasLostRefusal({ answers, exchanges }: Seen): boolean {
  const answered = exchanges.filter(({ aborted }) => aborted === null);
  return answered.length > answers.length && answered.some(({ allowed }) => !allowed);
}

function isClosing(answer: SeenAnswer | undefined): boolean {
  return answer?.fields.includes('connection: close') === true;
}

function isBefore(request: SeenRequest, count: number): boolean {
  return indexOf(request) < count;
}

function withoutConnection(answer: SeenAnswer): SeenAnswer {
  const fields = answer.fields.filter((field) => !/^(connection|keep-alive): /.test(field));
  return { ...answer, fields };
}

/** Whether each of these is there, as often. */
function areAmong(some: readonly SeenExchange[], all: readonly SeenExchange[]): boolean {
  const left = all.map((each) => JSON.stringify(each));
  return some.every((each) => {
    const place = left.indexOf(JSON.stringify(each));
    if (place >= 0) left.splice(place, 1);
    return place >= 0;
  });
}
