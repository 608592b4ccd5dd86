import { ManagementError } from './failures.ts';
import type { Parameters } from './validate.ts';

/** What a request is aimed at. */
export interface Target {
  /** The parts between slashes, percent-decoded once; an empty one stays. */
  readonly segments: readonly string[];
  readonly query: Parameters;
}

/** More than any endpoint has. */
const MAX_PARAMETERS = 100;

/**
 * Reads a request target in origin form. Nothing is resolved or repaired: what is not there as written is not there.
 *
 * @throws ManagementError request_invalid
 */
export function parseTarget(url: string): Target {
  if (!url.startsWith('/')) throw new ManagementError('request_invalid', 'Expected a path, like /api-keys.');
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const segments = path
    .slice(1)
    .split('/')
    .map((segment) => decoded(segment, 'The path'));
  return { segments, query: mark < 0 ? {} : parseQuery(url.slice(mark + 1)) };
}

/** As forms are encoded: `+` is a space. */
function parseQuery(text: string): Parameters {
  const pieces = text.split('&').filter((piece) => piece !== '');
  if (pieces.length > MAX_PARAMETERS) {
    throw new ManagementError('request_invalid', `The query has more than ${MAX_PARAMETERS} parameters.`);
  }
  const found = new Map<string, string[]>();
  for (const piece of pieces) {
    const equals = piece.indexOf('=');
    const name = formDecoded(equals < 0 ? piece : piece.slice(0, equals));
    const value = equals < 0 ? '' : formDecoded(piece.slice(equals + 1));
    const values = found.get(name);
    if (values === undefined) found.set(name, [value]);
    else values.push(value);
  }
  // Not by assignment: a parameter may be named __proto__.
  return Object.fromEntries(
    [...found].map(([name, values]) => [name, values.length === 1 ? (values[0] ?? '') : values]),
  );
}

function formDecoded(text: string): string {
  return decoded(text.replaceAll('+', ' '), 'The query');
}

function decoded(text: string, where: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ManagementError('request_invalid', `${where} has a percent-encoding that is not UTF-8, or not whole.`);
  }
}
