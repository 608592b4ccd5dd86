import type { Decision } from '../../core/decision.ts';
import type { AnswerWriter } from '../answer-writer.ts';
import type { AnswerFields } from './answer-fields.ts';

/** Writes an answer of which the pieces are in memory that is used again. */
export interface PieceWriter extends AnswerWriter {
  /** Whether it holds on to bytes that it was given: the client has not taken all of them. */
  readonly holdsBytes: boolean;
  /** Does what `head` does, for a head that is still as it was found. It waits for the body, or for `flush`. */
  relay(status: number, fields: AnswerFields, decision: Decision | null): void;
  /** Does what `body` does, for bytes from `from` to before `to`: NEVER_HELD_BYTES at most. */
  smallBody(bytes: Buffer, from: number, to: number): boolean;
  /** No more is there for now: sends a head that waits, so that a stream's client knows that it has begun. */
  flush(): void;
}
