import { StoreError } from '../../core/ports.ts';
import { replyCode } from './errors.ts';

/** Keys of which it is remembered; of more, the one remembered longest is forgotten. Then that much less is admitted. */
const MAX_KEYS = 10_000;
/** Tokens of one key, all of which go with its next question. */
const MAX_TOKENS = 8;

/** No lease of the key went unanswered. */
export const NONE = '';

/**
 * Leases that Redis may have counted and could not answer: the tokens that they were sent with, by key. Nobody spends what
 * they were granted, so the key's next lease gives it back, as long as Redis still knows it under that token.
 */
export class Unanswered {
  readonly #maxKeys: number;
  readonly #tokens = new Map<string, readonly string[]>();

  constructor(maxKeys = MAX_KEYS) {
    this.#maxKeys = maxKeys;
  }

  /** Keys that something is remembered of. */
  get size(): number {
    return this.#tokens.size;
  }

  /** What the key's next lease gives back: its tokens, each between two spaces, or NONE. */
  of(keyId: string): string {
    const tokens = this.#tokens.size === 0 ? undefined : this.#tokens.get(keyId);
    return tokens === undefined ? NONE : ` ${tokens.join(' ')} `;
  }

  add(keyId: string, token: string): void {
    const before = this.#tokens.get(keyId) ?? [];
    if (before.includes(token)) return;
    // Redis knows the last one that it executed: the first one here when the way there broke, the last one when only the
    // way back did.
    const kept = before.length < MAX_TOKENS ? before : before.toSpliced(1, 1);
    this.#tokens.delete(keyId);
    this.#tokens.set(keyId, [...kept, token]);
    if (this.#tokens.size <= this.#maxKeys) return;
    for (const oldest of this.#tokens.keys()) {
      this.#tokens.delete(oldest);
      break;
    }
  }

  /** A lease was answered. @param given what it was sent with, from `of`: it is given back, or never will be */
  settle(keyId: string, given: string): void {
    if (given === NONE) return;
    const left = (this.#tokens.get(keyId) ?? []).filter((token) => !given.includes(` ${token} `));
    if (left.length === 0) this.#tokens.delete(keyId);
    else this.#tokens.set(keyId, left);
  }
}

/** Whether a command that was sent may have been executed all the same: it was not refused, it was not answered at all. */
export function isUnanswered(error: unknown): boolean {
  return error instanceof StoreError && error.cause !== undefined && replyCode(error.cause) === null;
}
