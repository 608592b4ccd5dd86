import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** Between the shards of a row; no line holds it, as JSON escapes it. */
const SEPARATOR = '\f';
/** Rows that are held in memory: those that are folded, and those that come meanwhile. */
const MAX_CACHED = 512;

/** A row: the lines of one batch, by shard. Rows never change, and no number is used twice. */
type Row = readonly string[];

/** A row as it is written. */
export function rowText(row: Row): string {
  return row.join(SEPARATOR);
}

/** A row as it was appended. */
export interface Appended {
  readonly number: number;
  readonly text: string;
}

/** How far a fold is: of the rows up to `upto`, all before `shard` is done. */
export interface Folding {
  readonly upto: number;
  readonly shard: number;
}

/** Batches that are not folded into the counts yet. All but `keep` must be called within a transaction. */
export class UsageJournal {
  readonly #append: StatementSync;
  readonly #numbers: StatementSync;
  readonly #row: StatementSync;
  readonly #folding: StatementSync;
  readonly #setFolding: StatementSync;
  readonly #remove: StatementSync;
  readonly #cache: RowCache;

  /** @param cache shared by the journals of one process */
  constructor(db: DatabaseSync, cache: RowCache) {
    this.#append = db.prepare('INSERT INTO journal (lines) VALUES (?)');
    this.#numbers = db.prepare('SELECT seq FROM journal ORDER BY seq');
    this.#row = db.prepare('SELECT lines FROM journal WHERE seq = ?');
    this.#folding = db.prepare('SELECT upto, shard FROM folding');
    this.#setFolding = db.prepare('UPDATE folding SET upto = ?, shard = ?');
    this.#remove = db.prepare('DELETE FROM journal WHERE seq <= ?');
    this.#cache = cache;
  }

  /**
   * @param text as `rowText` makes it
   * @returns what `keep` is to be given once it is committed
   */
  append(text: string): Appended {
    const { lastInsertRowid } = this.#append.run(text);
    return { number: Number(lastInsertRowid), text };
  }

  /** Holds a row in memory, so that it need not be read again. Not before the commit: another could get its number. */
  keep({ number, text }: Appended): void {
    this.#cache.set(number, text);
  }

  /** Numbers of all rows, the oldest first. */
  numbers(): number[] {
    return this.#numbers.all().map((row) => Number(row['seq']));
  }

  get folding(): Folding {
    const row = this.#folding.get();
    return { upto: Number(row?.['upto']), shard: Number(row?.['shard']) };
  }

  set folding({ upto, shard }: Folding) {
    this.#setFolding.run(upto, shard);
  }

  /** Removes the rows up to this one. */
  remove(upto: number): void {
    this.#remove.run(upto);
  }

  /** Whether the row is in memory. */
  isHeld(number: number): boolean {
    return this.#cache.get(number) !== undefined;
  }

  /** The lines of a shard in a row. */
  linesOf(number: number, shard: number): string {
    return this.#rowOf(number)[shard] ?? '';
  }

  /** The lines of a shard in rows. */
  lines(numbers: readonly number[], shard: number): string[] {
    const all: string[] = [];
    for (const number of numbers) {
      const lines = this.linesOf(number, shard);
      if (lines !== '') all.push(lines);
    }
    return all;
  }

  #rowOf(number: number): Row {
    const cached = this.#cache.get(number);
    if (typeof cached === 'object') return cached;
    const text = cached ?? String(this.#row.get(number)?.['lines'] ?? '');
    const row = text.split(SEPARATOR);
    this.#cache.set(number, row);
    return row;
  }
}

/** Rows by number, or their texts until they are asked for; the oldest go first. What this process wrote itself it need not read again. */
export class RowCache {
  readonly #rows = new Map<number, Row | string>();

  get(number: number): Row | string | undefined {
    return this.#rows.get(number);
  }

  set(number: number, row: Row | string): void {
    this.#rows.set(number, row);
    if (this.#rows.size > MAX_CACHED) this.#forgetOldest();
  }

  /** Forgets the rows up to this one. */
  forget(upto: number): void {
    for (const number of this.#rows.keys()) if (number <= upto) this.#rows.delete(number);
  }

  #forgetOldest(): void {
    for (const number of this.#rows.keys()) {
      this.#rows.delete(number);
      return;
    }
  }
}
