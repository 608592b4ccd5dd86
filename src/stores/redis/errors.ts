import { ReplyError } from 'ioredis';
import { StoreError, type StoreErrorCode } from '../../core/ports.ts';

/** Replies to a write that the server cannot take now, by their first word, which is Redis's error code. */
const READ_ONLY = new Set(['READONLY', 'OOM', 'MISCONF', 'NOREPLICAS']);
/** What a script of ours replies with when what it found does not fit together. */
export const DISORDER = 'DISORDER';
/** Replies that say that what is stored is something else. */
const CORRUPT = new Set(['WRONGTYPE', DISORDER]);

/** The code of an error that the server replied with; null for any other error. */
export function replyCode(error: unknown): string | null {
  if (!(error instanceof ReplyError) || !(error instanceof Error)) return null;
  return error.message.split(' ', 1)[0] ?? '';
}

/**
 * What an error means to the caller. Whatever is not a known reply is a store that cannot answer: a lost connection, a
 * timeout, LOADING, NOAUTH, CLUSTERDOWN and the like.
 *
 * @param server host and port, for the message
 */
export function storeError(error: unknown, server: string): StoreError {
  if (error instanceof StoreError) return error;
  const reply = replyCode(error);
  return new StoreError(codeOf(reply), `Redis at ${server} ${what(reply, error)}`, { cause: error });
}

function codeOf(reply: string | null): StoreErrorCode {
  if (reply !== null && READ_ONLY.has(reply)) return 'STORE_READ_ONLY';
  return reply !== null && CORRUPT.has(reply) ? 'STORE_CORRUPT' : 'STORE_UNAVAILABLE';
}

function what(reply: string | null, error: unknown): string {
  if (reply !== null) return `answered ${reply}`;
  // The system's code where there is one; what else the client says is about itself ("Stream isn't writeable").
  const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
  return `does not answer${code}`;
}

/** Whether a script was refused, before it ran, because a cluster keeps its keys in different places. */
export function isCrossSlot(error: unknown): boolean {
  return error instanceof StoreError && replyCode(error.cause) === 'CROSSSLOT';
}
