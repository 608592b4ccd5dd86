import type { Registry } from 'prom-client';
import { addCounter, addGauge } from './metric-kinds.ts';

/** What the limiter counts. */
export interface LimitSources {
  /** Admissions that this process decided alone, because the store could not be asked. */
  readonly limitFallbacks: () => number;
  /** Questions to the ledger for admissions. */
  readonly limitQuestions: () => number;
  /** Admissions that had been taken ahead, and needed no question. */
  readonly limitSpentAhead: () => number;
  /** Keys of which admissions taken ahead are held, or are being asked for. */
  readonly limitLeasesOpen: () => number;
}

export function addLimits(registry: Registry, from: LimitSources): void {
  const counter = (name: string, help: string, read: () => number): void => addCounter(registry, name, help, read);
  counter(
    'latchkey_limit_questions_total',
    'Questions to the store for admissions; one may be for several requests.',
    from.limitQuestions,
  );
  counter(
    'latchkey_limit_spent_ahead_total',
    'Admissions that had been taken from the store ahead, so that it was not asked.',
    from.limitSpentAhead,
  );
  addGauge(
    registry,
    'latchkey_limit_leases_open',
    'Keys of which admissions taken ahead are held, or are being asked for.',
    from.limitLeasesOpen,
  );
  counter(
    'latchkey_limit_fallback_total',
    'Admissions that this process decided alone, because the store could not be asked.',
    from.limitFallbacks,
  );
}
