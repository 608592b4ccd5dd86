import { addCounts, addNames, type Counts, decodeCounts, type Names } from './usage-counts.ts';

/** Tables of names that are remembered; forgotten all at once when there are more. */
const MAX_NAMES = 1_024;
/** `[{"12":[3,0,4567]},` and what follows: one hour, as nearly all lines have. */
const BEGIN = '[{"';
const ZERO = 48;
const NINE = 57;
const COMMA = 44;

/** Reads counts from lines: those of one hour, whose names were read before, many times as fast as JSON.parse does. */
export class CountsReader {
  readonly #names = new Map<string, Names>();
  /** Where the last number ended. */
  #at = 0;

  /** @throws StoreError STORE_CORRUPT */
  read(text: string): Counts {
    return this.#readPlain(text, null) ?? decodeCounts(text);
  }

  /** @throws StoreError STORE_CORRUPT */
  addTo(counts: Counts, text: string): void {
    if (this.#readPlain(text, counts) === null) addCounts(counts, decodeCounts(text));
  }

  /**
   * @param counts what it is added to; null: to nothing yet
   * @returns null when it has another form
   */
  #readPlain(text: string, counts: Counts | null): Counts | null {
    if (!text.startsWith(BEGIN)) return null;
    const hour = this.#number(text, BEGIN.length);
    if (hour < 0 || !text.startsWith('":[', this.#at)) return null;
    const requests = this.#number(text, this.#at + 3);
    if (requests < 0 || text.charCodeAt(this.#at) !== COMMA) return null;
    const errors = this.#number(text, this.#at + 1);
    if (errors < 0 || text.charCodeAt(this.#at) !== COMMA) return null;
    const timeUs = this.#number(text, this.#at + 1);
    if (timeUs < 0 || !text.startsWith(']},', this.#at)) return null;
    const sum = counts ?? [{}, {}, {}, {}];
    const known = sum[0][hour];
    if (known === undefined) sum[0][hour] = [requests, errors, timeUs];
    else {
      known[0] += requests;
      known[1] += errors;
      known[2] += timeUs;
    }
    addNames(sum, this.#namesOf(text.slice(this.#at + 3)));
    return sum;
  }

  /** @returns -1 when there is none */
  #number(text: string, from: number): number {
    let number = 0;
    let i = from;
    for (; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code < ZERO || code > NINE) break;
      number = number * 10 + (code - ZERO);
    }
    this.#at = i;
    return i === from ? -1 : number;
  }

  #namesOf(text: string): Names {
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    const [, ...names] = decodeCounts(`[{},${text}`);
    if (this.#names.size >= MAX_NAMES) this.#names.clear();
    this.#names.set(text, names);
    return names;
  }
}
