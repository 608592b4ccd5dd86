import type { ZodType } from 'zod';
import { DENIALS } from '../core/denial.ts';
import { FAILURES, type FailureCode, type FieldFault, ManagementError } from './failures.ts';
import { RemoteError } from './remote-error.ts';
import type { RemoteAnswer } from './remote-transport.ts';

/** Characters of a text from the server that a message repeats, and faults of one answer. */
const MAX_TEXT = 1_000;
const MAX_FAULTS = 100;

/**
 * The body of a good answer, checked to be what it should be. Fields that this version does not know are kept.
 *
 * @param place as messages name the server
 * @throws ManagementError when the server refuses, RemoteError when it is none that can be talked to
 */
export async function readAnswer<T>(answer: RemoteAnswer, schema: ZodType<T>, place: string): Promise<T> {
  const value = parseJson(await goodBody(answer, 'application/json', place));
  const checked = schema.safeParse(value);
  if (checked.success) return value as T;
  const [issue] = checked.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? '' : ` (${issue.path.join('.').slice(0, MAX_TEXT)})`;
  throw new RemoteError('SERVER_NOT_LATCHKEY', `${place} answers with something else than was asked for${where}`);
}

/** Checks that an answer without a body is one. */
export async function readNothing(answer: RemoteAnswer, place: string): Promise<void> {
  if (answer.status === 204) {
    await answer.text();
    return;
  }
  await goodBody(answer, 'application/json', place);
  throw notLatchkey(answer, place);
}

/** @throws ManagementError or RemoteError unless the answer is good and of this media type */
export async function checkAnswer(answer: RemoteAnswer, mediaType: string, place: string): Promise<void> {
  const { status } = answer;
  if (status >= 300 && status < 400) {
    answer.discard();
    throw redirect(answer.header('location'), place);
  }
  if (status >= 400) throw refusal(answer, isProblem(answer) ? await answer.text() : discarded(answer), place);
  if (status < 200 || mediaTypeOf(answer) !== mediaType) {
    answer.discard();
    throw notLatchkey(answer, place);
  }
}

async function goodBody(answer: RemoteAnswer, mediaType: string, place: string): Promise<string> {
  await checkAnswer(answer, mediaType, place);
  return answer.text();
}

function discarded(answer: RemoteAnswer): string {
  answer.discard();
  return '';
}

function isProblem(answer: RemoteAnswer): boolean {
  return mediaTypeOf(answer) === 'application/problem+json';
}

function mediaTypeOf(answer: RemoteAnswer): string {
  return (answer.header('content-type').split(';', 1)[0] ?? '').trim().toLowerCase();
}

function redirect(location: string, place: string): RemoteError {
  const target = URL.canParse(location, place) ? new URL(location, place).origin : '';
  const where = target === '' ? 'elsewhere' : `to ${target.slice(0, MAX_TEXT)}`;
  return new RemoteError(
    'SERVER_REDIRECTS',
    `${place} redirects ${where}; that is not followed, since the token would go along: name the right URL`,
  );
}

/** What a refusal says: the management API's own words, or that it is somebody else who refuses. */
function refusal(answer: RemoteAnswer, text: string, place: string): Error {
  const problem = record(parseJson(text));
  const code = problem['code'];
  if (typeof code !== 'string') return notLatchkey(answer, place);
  const said = textOf(problem['detail']) || textOf(problem['title']) || `answers ${answer.status}`;
  if (isFailureCode(code)) return new ManagementError(code, said, faultsOf(problem['errors']));
  if (Object.hasOwn(DENIALS, code)) {
    return new RemoteError(
      'SERVER_NOT_LATCHKEY',
      `${place} is where the proxy listens; name the address of the management API (management.listen)`,
    );
  }
  return new RemoteError('SERVER_FAILED', `${place} answers ${answer.status}: ${said}`);
}

function notLatchkey(answer: RemoteAnswer, place: string): RemoteError {
  const what = mediaTypeOf(answer).slice(0, 100) || 'nothing';
  return new RemoteError(
    answer.status >= 500 ? 'SERVER_FAILED' : 'SERVER_NOT_LATCHKEY',
    `${place} answers ${answer.status} with ${what}, not as the management API of Latchkey would; is the URL right?`,
  );
}

function faultsOf(errors: unknown): FieldFault[] {
  if (!Array.isArray(errors)) return [];
  return errors.slice(0, MAX_FAULTS).map((each: unknown) => {
    const { pointer, parameter, header, detail } = record(each);
    return {
      ...(typeof pointer === 'string' ? { pointer: pointer.slice(0, MAX_TEXT) } : {}),
      ...(typeof parameter === 'string' ? { parameter: parameter.slice(0, MAX_TEXT) } : {}),
      ...(typeof header === 'string' ? { header: header.slice(0, MAX_TEXT) } : {}),
      detail: textOf(detail),
    };
  });
}

function isFailureCode(code: string): code is FailureCode {
  return Object.hasOwn(FAILURES, code);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, MAX_TEXT) : '';
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** undefined for what is no JSON: no schema takes it. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
