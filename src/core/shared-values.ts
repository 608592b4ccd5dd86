/** Values that are kept, and the longest text of one that is, unless told otherwise. */
const MAX_VALUES = 1_000;
const MAX_LENGTH = 1_000;

/**
 * Values that are made of a text and never change, kept so that whoever has the same text has the same value: many keys are
 * alike, and what they share is in memory, and in the processor's caches, once.
 */
export class SharedValues<T> {
  readonly #max: number;
  readonly #maxLength: number;
  readonly #values = new Map<string, T>();

  /**
   * @param max       values that are kept; when there are more, those are forgotten that are there, and who has them keeps them
   * @param maxLength of a text, in UTF-16 units: longer ones are seldom the same, and their values are not kept
   */
  constructor(max = MAX_VALUES, maxLength = MAX_LENGTH) {
    this.#max = max;
    this.#maxLength = maxLength;
  }

  /** @param text says all that the value is made of */
  of(text: string, make: () => T): T {
    if (text.length > this.#maxLength) return make();
    const known = this.#values.get(text);
    if (known !== undefined) return known;
    const made = make();
    if (this.#values.size >= this.#max) this.#values.clear();
    this.#values.set(text, made);
    return made;
  }
}
