import { DENIALS, type DenialRow } from '../core/denial.ts';
import type { RequestView } from '../core/request.ts';

/** A request that a gateway decided once, as a log tells of it. */
export interface RecordedRequest {
  /** The key that its secret belonged to; null when no key was known, or none was looked for, as on a public route. */
  readonly keyId: string | null;
  readonly requestId: string;
  /** When its head was complete, in milliseconds since the epoch: the time at which it is decided. */
  readonly at: number;
  /** When it ended: logs are in this order. */
  readonly endedAt: number;
  readonly address: string;
  /** null: it had none, or the log does not tell. */
  readonly userAgent: string | null;
  readonly method: string;
  /** The canonical path, without the query. */
  readonly path: string;
  /** The denial, or the gateway's own failure to get an answer; null when it was answered by the API. */
  readonly code: string | null;
}

/** Why something that was read is not replayed. */
export type SkipReason =
  /** Not a line of JSON, longer than a line may be, or without what a request must have. */
  | 'unreadable_line'
  /** The log of something else than a request. */
  | 'no_request'
  /** It names no key, as entries of one key's log do, and nothing else says whose it is. */
  | 'key_not_given'
  /** Another key was asked for. */
  | 'other_key'
  | 'outside_period'
  /** It was refused before its path was known. */
  | 'no_path'
  /** The log holds only the beginning of its path. */
  | 'path_cut'
  /** The key is not there any more. */
  | 'unknown_key'
  /** What is stored of the key cannot be understood. */
  | 'unreadable_key'
  /** What was recorded says nothing about the checks: the gateway was overloaded, … */
  | 'not_decided'
  /** It depends on a header that no log has. */
  | 'not_logged'
  /** It depends on what a gateway knows of addresses and this machine does not. */
  | 'place_unknown';

/** Of these, the reasons that are about lines which tell of no request. */
export const LINE_REASONS: ReadonlySet<SkipReason> = new Set(['unreadable_line', 'no_request']);

const ROWS: Readonly<Record<string, DenialRow>> = DENIALS;

/** Whether a request with this code was let through. @param code null: it was answered by the API */
export function wasLetThrough(code: string | null): boolean {
  return recordedDenial(code) === null;
}

/**
 * What the checks said when the request was made.
 *
 * @returns the denial, null when it was let through, undefined when its code says nothing about that
 */
export function recordedDenial(code: string | null): string | null | undefined {
  if (code === null) return null;
  // A replay has no secrets: without a known key it cannot tell a wrong one from none.
  if (code === 'key_not_found') return 'key_missing';
  const row = Object.hasOwn(ROWS, code) ? ROWS[code] : undefined;
  if (row === undefined || row.checks === 'unknown') return undefined;
  return row.checks === 'passed' ? null : code;
}

/** A recorded request as the checks see it. One is enough for all of them, as they are decided one after the other. */
export class ReplayView implements RequestView {
  method = '';
  path = '';
  address = '';
  at = 0;
  /** Whether a header was looked at that no log has. */
  missedHeader = false;
  #userAgent: string | undefined;
  #authorization: string | undefined;

  /** Shows this request from now on. @param authorization undefined: it comes without a key */
  show(request: RecordedRequest, authorization: string | undefined): void {
    this.method = request.method;
    this.path = request.path;
    this.address = request.address;
    this.at = request.at;
    this.missedHeader = false;
    this.#userAgent = request.userAgent ?? undefined;
    this.#authorization = authorization;
  }

  header(name: string): string | undefined {
    if (name === 'authorization') return this.#authorization;
    if (name === 'user-agent') return this.#userAgent;
    this.missedHeader = true;
    return undefined;
  }
}
