import { type KeyUse, laterUse, type UsageScope } from '../../core/usage.ts';
import type { Counts } from './usage-counts.ts';
import { CountsReader } from './usage-counts-reader.ts';

/**
 * Batches as lines of text: `"scope" day counts` and `"use:id" last previous`, with tabs between. To write a line costs
 * a tenth of what it costs to bring the row of a scope up to date, so rows are brought up to date once for many lines.
 */

/** Parts in which lines are folded, so that each step is short. */
export const SHARDS = 64;
/** The characters of a name that choose its shard. */
const HASHED = 8;

const USE = 'use:';
/** What JSON leaves as it is; nearly every name. */
const PLAIN = /^[\w:.@-]*$/;

/** Always the same for a scope; a key's last use goes with its counts. */
export function shardOf(scope: UsageScope): number {
  let hash = 0;
  for (let i = Math.max(0, scope.length - HASHED); i < scope.length; i++) {
    hash = (Math.imul(hash, 31) + scope.charCodeAt(i)) | 0;
  }
  return (hash >>> 0) % SHARDS;
}

/** What the lines of a scope begin with, and the line feed before. As JSON, so that no name holds a line feed or a tab. */
export function beginOf(scope: UsageScope): string {
  return PLAIN.test(scope) ? `\n"${scope}"` : `\n${JSON.stringify(scope)}`;
}

/** What the lines of a key's last uses begin with, in the same form. */
export function beginOfUse(keyId: string): string {
  return PLAIN.test(keyId) ? `\n"${USE}${keyId}"` : `\n${JSON.stringify(USE + keyId)}`;
}

/** Where in the lines of a shard those of last uses begin. */
export function beginOfUses(lines: string): number {
  const begin = lines.indexOf(`\n"${USE}`);
  return begin < 0 ? lines.length : begin;
}

function unquoted(text: string): string {
  return text.includes('\\') ? (JSON.parse(text) as string) : text.slice(1, -1);
}

/** What lines say altogether. */
export class Folded {
  readonly counts = new Map<string, Map<number, Counts>>();
  readonly uses = new Map<string, KeyUse>();
  readonly #reader = new CountsReader();

  /** Adds all lines. */
  add(lines: string): void {
    for (let start = 0; start >= 0; ) {
      const next = lines.indexOf('\n', start + 1);
      this.#addLine(lines, start + 1, next < 0 ? lines.length : next);
      start = next;
    }
  }

  /** Adds the lines of one scope. */
  addScope(lines: string, scope: UsageScope): void {
    // A line feed in a name is escaped, so this is found nowhere but where a line begins.
    const begin = `${beginOf(scope)}\t`;
    for (let start = lines.indexOf(begin); start >= 0; start = lines.indexOf(begin, start + 1)) {
      const next = lines.indexOf('\n', start + 1);
      this.#addLine(lines, start + 1, next < 0 ? lines.length : next);
    }
  }

  #addLine(lines: string, from: number, to: number): void {
    const second = lines.indexOf('\t', from);
    const third = lines.indexOf('\t', second + 1);
    const name = unquoted(lines.slice(from, second));
    const value = lines.slice(second + 1, third);
    const rest = lines.slice(third + 1, to);
    if (name.startsWith(USE)) this.#mergeUse(name.slice(USE.length), timeOf(value), timeOf(rest));
    else this.#mergeCounts(name, Number(value), rest);
  }

  #mergeCounts(scope: string, day: number, text: string): void {
    const days = this.counts.get(scope);
    const known = days?.get(day);
    if (known !== undefined) this.#reader.addTo(known, text);
    else if (days !== undefined) days.set(day, this.#reader.read(text));
    else this.counts.set(scope, new Map([[day, this.#reader.read(text)]]));
  }

  #mergeUse(keyId: string, lastUsedAt: number | null, previousLastUsedAt: number | null): void {
    const use = { keyId, lastUsedAt, previousLastUsedAt };
    const known = this.uses.get(keyId);
    this.uses.set(keyId, known === undefined ? use : laterUse(known, use));
  }
}

/** A time in a line of a last use. */
export function timeOf(text: string): number | null {
  return text === '' ? null : Number(text);
}
