/**
 * The entries of a list with commas from the last to the first, as headers of proxies are read: each proxy adds an entry
 * at the end, and what stands left of one may have been written by anybody.
 *
 * An entry begins at the nearest comma, whatever the quotes. Where it begins must not depend on what stands left of it: a
 * quote that a client left open there would otherwise take in what proxies added. One with a comma in quotes falls apart,
 * and the part at its end has a quote too few: it is malformed, and nothing of what was quoted is taken for an entry.
 */
export class EntriesFromEnd {
  readonly #text: string;
  /** Where the next entry ends; -1: there is none. */
  #end: number;

  constructor(text: string) {
    this.#text = text;
    this.#end = text.length;
  }

  /** The next entry to the left, with the blanks around it; null when there is none. */
  previous(): string | null {
    const end = this.#end;
    if (end < 0) return null;
    // From a negative place on, lastIndexOf would find a comma at the first.
    this.#end = end === 0 ? -1 : this.#text.lastIndexOf(',', end - 1);
    return this.#text.slice(this.#end + 1, end);
  }
}
