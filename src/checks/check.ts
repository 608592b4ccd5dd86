import type { Decision } from '../core/decision.ts';
import type { Denial } from '../core/denial.ts';
import type { Gate } from '../core/gate.ts';
import type { MaybePromise } from '../core/maybe.ts';

/** One step of the decision. */
export interface Check {
  /** What it is called in explanations: `authenticate`. */
  readonly name: string;
  /**
   * null passes, a denial refuses. It may fill in the decision, never a response. It answers at once when its data is in
   * memory and with a promise only when it must ask a store.
   */
  readonly run: (decision: Decision, gate: Gate) => MaybePromise<Denial | null>;
}
