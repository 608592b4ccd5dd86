import type { Config, ListenAddress } from '../config/config.ts';
import type { MetricsSnapshot } from '../observe/metrics.ts';
import type { Conditions } from '../observe/readiness.ts';
import type { SentFailure } from './sent-failure.ts';

/** What a worker has to know to begin. */
export interface WorkerStart {
  /** 1 for the first. */
  readonly worker: number;
  readonly config: Config;
  readonly version: string;
  readonly output: OutputStyle;
  /** What is written to standard output waits until `speak` is said. */
  readonly isHeld: boolean;
}

/** How lines are written to the output that all processes share. */
export interface OutputStyle {
  readonly stdoutIsTerminal: boolean;
  readonly colors: boolean;
}

/** What a worker is asked, and what it answers. */
export interface Answers {
  readonly conditions: Conditions;
  readonly snapshot: MetricsSnapshot;
  /** The settings that need a restart. */
  readonly reload: readonly string[];
  /** That it can answer. */
  readonly ping: true;
}

export type Question = keyof Answers;

/** From the supervisor to a worker. */
export type Order =
  | { readonly kind: 'start'; readonly start: WorkerStart }
  | { readonly kind: 'speak' }
  | { readonly kind: 'ask'; readonly id: number; readonly question: Exclude<Question, 'reload'> }
  | { readonly kind: 'ask'; readonly id: number; readonly question: 'reload'; readonly config: Config }
  /** Drain and end; `atOnce`: without waiting for load balancers to see it. */
  | { readonly kind: 'stop'; readonly atOnce: boolean };

/** From a worker to the supervisor. */
export type Report =
  | { readonly kind: 'serving'; readonly addresses: WorkerAddresses }
  | { readonly kind: 'failed'; readonly failure: SentFailure }
  | { readonly kind: 'answer'; readonly id: number; readonly value: Answers[Question] }
  /** The question could not be answered; why is in the worker's log. */
  | { readonly kind: 'no-answer'; readonly id: number };

export interface WorkerAddresses {
  readonly proxy: ListenAddress;
  /** null: it has no management listener. */
  readonly management: ListenAddress | null;
}
