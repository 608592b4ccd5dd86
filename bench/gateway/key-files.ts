import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newSecret } from '../../src/keys/secret.ts';

/** A file of secrets, one on each line. */
export interface KeyFile {
  readonly file: string;
  readonly count: number;
}

/** How often a key is drawn under Zipf's law goes with one over its rank to this power. */
const ZIPF_EXPONENT = 1;
const RANDOM_UNITS = 2 ** 32;

/** The secrets of a run. Those of a small file are the first of every larger one, so that stores can hold more than is used. */
export class KeyFiles {
  readonly #folder: string;
  readonly #secrets: string[] = [];
  readonly #files = new Map<string, KeyFile>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  first(count: number): KeyFile {
    return this.slice(0, count);
  }

  slice(from: number, to: number): KeyFile {
    return this.#file(`keys-${from}-${to}`, () => this.#upTo(to).slice(from, to));
  }

  /** So many draws from the first `count` keys under Zipf's law: a key stands there as often as it is to be used. */
  zipf(count: number, draws: number): KeyFile {
    return this.#file(`zipf-${count}-${draws}`, () => {
      const secrets = this.#upTo(count);
      return zipfRanks(count, draws).map((rank) => secrets[rank] ?? '');
    });
  }

  #upTo(count: number): readonly string[] {
    while (this.#secrets.length < count) this.#secrets.push(newSecret('lk'));
    return this.#secrets;
  }

  #file(name: string, lines: () => readonly string[]): KeyFile {
    const known = this.#files.get(name);
    if (known !== undefined) return known;
    const all = lines();
    const made = { file: join(this.#folder, `${name}.txt`), count: all.length };
    writeFileSync(made.file, all.join('\n'));
    this.#files.set(name, made);
    return made;
  }
}

function zipfRanks(count: number, draws: number): number[] {
  const cumulative = new Float64Array(count);
  let sum = 0;
  for (let i = 0; i < count; i++) {
    sum += 1 / (i + 1) ** ZIPF_EXPONENT;
    cumulative[i] = sum;
  }
  const random = new Uint32Array(randomBytes(draws * 4).buffer);
  return Array.from(random.subarray(0, draws), (unit) => rankAt(cumulative, (unit / RANDOM_UNITS) * sum));
}

/** The first rank whose cumulative weight is above a point. */
function rankAt(cumulative: Float64Array, point: number): number {
  let low = 0;
  let high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((cumulative[middle] ?? 0) > point) high = middle;
    else low = middle + 1;
  }
  return low;
}
