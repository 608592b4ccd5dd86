import type { ManagementCounts } from '../observe/metrics.ts';
import type { ManagementAnswer } from './answer.ts';
import { TOKEN_FAULTS, type TokenFault } from './auth/token-fault.ts';
import { FAILURES, type FailureCode } from './failures.ts';

interface Count {
  n: number;
}

/** Statuses that were sent by operation, and how often. */
type ByStatus = Map<number, Count>;

/**
 * The answers of the management API in plain counters. Operations, statuses and codes are of the program's own making,
 * so that there are only so many of them.
 */
export class ManagementCounters implements ManagementCounts {
  readonly denials: Readonly<Record<FailureCode, Count>>;
  readonly rejectedTokens: Readonly<Record<TokenFault, Count>>;
  readonly #operations = new Map<string | null, ByStatus>();

  constructor() {
    this.denials = zeros(Object.keys(FAILURES) as FailureCode[]);
    this.rejectedTokens = zeros(TOKEN_FAULTS);
  }

  count({ operation, status, code, tokenFault }: Answered): void {
    const statuses = entryOf(this.#operations, operation, (): ByStatus => new Map());
    entryOf(statuses, status, () => ({ n: 0 })).n++;
    if (code !== null) this.denials[code].n++;
    if (tokenFault !== null) this.rejectedTokens[tokenFault].n++;
  }

  *requests(): Iterable<{ operation: string | null; status: number; count: number }> {
    for (const [operation, statuses] of this.#operations) {
      for (const [status, { n }] of statuses) yield { operation, status, count: n };
    }
  }
}

type Answered = Pick<ManagementAnswer, 'operation' | 'status' | 'code' | 'tokenFault'>;

/** There from the beginning: a counter that first appears as 1 shows no increase. */
function zeros<Name extends string>(names: readonly Name[]): Record<Name, Count> {
  return Object.fromEntries(names.map((name) => [name, { n: 0 }])) as Record<Name, Count>;
}

function entryOf<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
