import type { AnswerWriter } from '../answer-writer.ts';

/** A piece of a body up to this size is never held on to. */
export const NEVER_HELD_BYTES = 16 * 1024;

/** Writes an answer of which the pieces are in memory that is used again. */
export interface PieceWriter extends AnswerWriter {
  /** Whether it holds on to bytes that it was given: the client has not taken all of them. */
  readonly holdsBytes: boolean;
}
