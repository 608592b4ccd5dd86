import type { Clock } from '../../core/clock.ts';
import type { KeyRecord } from '../../core/key.ts';
import type { KeyStore } from '../../core/ports.ts';
import type { KeyCatalogue } from '../../keys/key-input.ts';
import { newKeyId, newRecord } from '../../keys/new-record.ts';
import type { RowFault } from './fault.ts';
import { type GivenKey, keyOf, type RowReading } from './key-row.ts';
import { recordFaults } from './record-faults.ts';
import type { Row } from './rows.ts';

/** Rows whose digests the store is asked for at the same time. */
const BATCH = 64;

/** A key that is to be stored, and the line that it comes from. */
export interface Planned {
  readonly line: number;
  readonly record: KeyRecord;
}

/** What would be done with a list of keys. Nothing is written yet. */
export interface Plan {
  /** Rows in the order of the file, like the others. */
  readonly ready: readonly Planned[];
  /** Keys in the store that a row's secret opens already. */
  readonly present: readonly Planned[];
  readonly refused: readonly RowFault[];
}

export interface PlanOptions extends RowReading {
  readonly store: Pick<KeyStore, 'findByDigest'>;
  readonly catalogue: KeyCatalogue;
  readonly clock: Clock;
}

/** Says of each row whether it can be stored, is there already, or why it is refused. */
export async function planKeys(rows: AsyncIterable<Row | readonly RowFault[]>, options: PlanOptions): Promise<Plan> {
  const plan = new Planning(options);
  for await (const row of rows) await plan.add(row);
  await plan.settle();
  // What the store had to be asked for comes later than what a row says itself.
  plan.refused.sort((a, b) => a.line - b.line);
  return plan;
}

class Planning implements Plan {
  readonly ready: Planned[] = [];
  readonly present: Planned[] = [];
  readonly refused: RowFault[] = [];
  readonly #options: PlanOptions;
  /** Line of each secret, by its SHA-256. */
  readonly #lines = new Map<string, number>();
  #batch: GivenKey[] = [];

  constructor(options: PlanOptions) {
    this.#options = options;
  }

  async add(row: Row | readonly RowFault[]): Promise<void> {
    if ('length' in row) {
      this.refused.push(...row);
      return;
    }
    const key = keyOf(row, this.#options);
    if ('length' in key) this.refused.push(...key);
    else if (!this.#isDouble(key)) this.#batch.push(key);
    if (this.#batch.length >= BATCH) await this.settle();
  }

  /** Looks up the keys that wait for it. */
  async settle(): Promise<void> {
    const keys = this.#batch;
    this.#batch = [];
    const found = await Promise.all(keys.map(({ secret }) => this.#find(secret.candidates)));
    for (const [index, key] of keys.entries()) {
      const known = found[index];
      if (known) this.present.push({ line: key.line, record: known });
      else this.#propose(key);
    }
  }

  #isDouble({ line, secret }: GivenKey): boolean {
    const first = this.#lines.get(secret.identity);
    if (first === undefined) {
      this.#lines.set(secret.identity, line);
      return false;
    }
    this.refused.push({ line, field: 'secret', message: `is the same as on line ${first}; each key needs its own` });
    return true;
  }

  async #find(candidates: readonly string[]): Promise<KeyRecord | null> {
    for (const digest of candidates) {
      const found = await this.#options.store.findByDigest(digest);
      if (found !== null) return found;
    }
    return null;
  }

  #propose({ line, input, secret, createdAt }: GivenKey): void {
    const { catalogue, clock } = this.#options;
    const now = clock.now();
    const { digest, hint, imported } = secret;
    const made = newRecord(newKeyId(), input, { digest, hint, imported, sealed: null }, catalogue, now);
    const record = { ...made, createdAt: createdAt ?? now };
    const faults = recordFaults(line, record, catalogue, now);
    if (record.createdAt > now) faults.push({ line, field: 'created_at', message: 'lies in the future' });
    if (faults.length > 0) this.refused.push(...faults);
    else this.ready.push({ line, record });
  }
}
