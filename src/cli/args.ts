/** The arguments of one command, as its table entry declares them. */
export class Args {
  readonly positionals: readonly string[];
  readonly #values: ReadonlyMap<string, readonly string[]>;
  readonly #declared: ReadonlySet<string>;

  /**
   * @param declared the names of all options that there are
   * @param values   the values of each option that was given; a switch has none
   */
  constructor(
    declared: readonly string[],
    values: ReadonlyMap<string, readonly string[]>,
    positionals: readonly string[] = [],
  ) {
    this.#declared = new Set(declared);
    this.#values = values;
    this.positionals = positionals;
  }

  /** Whether an option was given, with a value or without. */
  has(flag: string): boolean {
    return this.#given(flag) !== undefined;
  }

  /** The value of an option that may be given once; undefined when it was not. */
  one(flag: string): string | undefined {
    return this.#given(flag)?.[0];
  }

  /** The values of an option that may be repeated, in order. */
  all(flag: string): readonly string[] {
    return this.#given(flag) ?? [];
  }

  #given(flag: string): readonly string[] | undefined {
    // Otherwise an option that is read but not declared would just never be there.
    if (!this.#declared.has(flag)) throw new Error(`--${flag} is not declared`);
    return this.#values.get(flag);
  }
}
