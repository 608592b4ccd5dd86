import { type AuditEntry, type AuditHead, GENESIS } from '../../core/audit.ts';

/** What was found of a chain. */
export interface Verified {
  /** Entries that were looked at. */
  readonly entries: number;
  /** Number and time of the first entry that is left, and time of the last; null when there is none. */
  readonly first: number | null;
  readonly firstAt: string | null;
  readonly lastAt: string | null;
  readonly head: AuditHead;
  /** The first thing that is wrong; null: nothing is. */
  readonly fault: string | null;
}

export interface VerifyOptions {
  /** What was noted elsewhere at another time; each must be in the chain. */
  readonly expected: readonly AuditHead[];
  /** Called now and then with how many entries were looked at. */
  readonly onProgress: (entries: number) => void;
}

/** The places in a chain that were noted elsewhere, and whether they are as they were. */
export class Expectations {
  readonly #missing: Map<number, string>;

  constructor(expected: readonly AuditHead[]) {
    this.#missing = new Map(expected.map(({ seq, hash }) => [seq, hash]));
    this.faultAt(GENESIS);
  }

  /** What is wrong with a place that is there; null when nothing is. */
  faultAt({ seq, hash }: AuditHead): string | null {
    const expected = this.#missing.get(seq);
    this.#missing.delete(seq);
    return expected === undefined || expected === hash ? null : `entry ${seq} is not the one that was expected`;
  }

  /** What is wrong when nothing more comes; null when all were met. @param head the last place there is */
  faultLeft(head: AuditHead): string | null {
    const [seq] = [...this.#missing.keys()].sort((a, b) => a - b);
    if (seq === undefined) return null;
    if (seq > head.seq) return `entry ${seq} was expected, and the last one is ${head.seq}`;
    return `entry ${seq} was expected, and is gone: retention may have removed it, which cannot be told any more`;
  }
}

/** When an entry was made, in ISO 8601; null for none. */
export function timeOf(entry: AuditEntry | null): string | null {
  if (entry === null) return null;
  const { at } = JSON.parse(entry.json) as { readonly at: number };
  return new Date(at).toISOString();
}
