import type { TokenFault } from './auth/token-fault.ts';
import type { FailureCode } from './failures.ts';

/**
 * One call of the management API and how it was answered, told when its answer is over: for the log and the metrics.
 * Nothing in it is a secret: neither the token nor what was sent, not even the path as it came.
 */
export interface ManagementAnswer {
  readonly requestId: string;
  /** null: what came was no request. */
  readonly method: string | null;
  /** Of the endpoint that was asked; null when there is none, and for documents. */
  readonly operation: string | null;
  /** As the endpoint or document has it: `/api-keys/{id}`; null when there is none. */
  readonly path: string | null;
  /** Who holds the token; null when none was believed. */
  readonly subject: string | null;
  /** Canonical address that the call came from. */
  readonly address: string;
  /** 0: the client left before one was sent. */
  readonly status: number;
  /** Why the call failed; null when it did not. */
  readonly code: FailureCode | null;
  /** Why the token was not believed; null when that is not why the call failed. */
  readonly tokenFault: TokenFault | null;
  /** From the whole head of the request to the end of the answer, in milliseconds. */
  readonly durationMs: number;
}

/** Told of each call once. */
export type OnAnswer = (answer: ManagementAnswer) => void;

/** Tells, and lets nothing come back: what fails here must not become a failure of the call. */
export function tellAnswer(onAnswer: OnAnswer, answer: ManagementAnswer): void {
  try {
    onAnswer(answer);
  } catch {
    // There is nobody left to tell.
  }
}
