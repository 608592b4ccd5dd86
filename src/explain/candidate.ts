import type { KeyFields } from '../keys/key-input.ts';
import { normalFields } from '../keys/key-input.ts';
import type { Situation } from './dry-gate.ts';

/** Something that could be changed, and what the situation would then be. */
export interface Candidate {
  /** As `Change` has it. */
  readonly text: string;
  /** As `Change` has it. */
  readonly set: Readonly<Record<string, unknown>> | null;
  readonly apply: (situation: Situation) => Situation;
}

/** The situation with other fields of the key, stored as an update would store them. */
export function withFields(situation: Situation, fields: Partial<KeyFields>): Situation {
  return { ...situation, record: { ...situation.record, ...normalFields(fields) } };
}

/** To send the request so much later: nothing has to be changed. */
export function waiting(text: string, waitMs: number): Candidate {
  return {
    text,
    set: null,
    apply: (situation) => ({ ...situation, waitMs: Math.max(situation.waitMs, waitMs) }),
  };
}
