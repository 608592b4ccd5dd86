/**
 * A strict reading of JSON (RFC 8259) beside JSON.parse, which says where a fault is only in words, keeps the last of two
 * members with one name, and bounds neither depth nor number. A pass over the text, without recursion.
 */
export interface JsonFault {
  /** Index into the text. */
  readonly at: number;
  /** Like `a member named "a" a second time`. */
  readonly found: string;
}

/** Deeper than any body that means something. */
const MAX_DEPTH = 32;
/** More than the longest lists of a body together: to say what is wrong with each of very many takes too long. */
const MAX_VALUES = 15_000;
const MAX_SHOWN = 60;
const LITERALS = ['true', 'false', 'null'] as const;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const SPACE = /[ \t\n\r]*/y;
const HEX4 = /^[0-9a-fA-F]{4}$/;

/** What is wrong with a text as JSON; null when nothing is. */
export function jsonFault(text: string): JsonFault | null {
  try {
    new Scanner(text).scan();
    return null;
  } catch (error) {
    if (error instanceof Found) return { at: error.at, found: error.message };
    throw error;
  }
}

/** `line 3, column 7` of an index into a text. */
export function placeIn(text: string, at: number): string {
  const before = text.slice(0, at).split('\n');
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}

class Found extends Error {
  readonly at: number;
  constructor(at: number, what: string) {
    super(what);
    this.at = at;
  }
}

class Scanner {
  readonly #text: string;
  #at = 0;
  #values = 0;
  /** What is open: the names of an object, or null for a list. */
  readonly #open: (Set<string> | null)[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  scan(): void {
    do this.#skipSpace();
    while (this.#value() || this.#afterValue());
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#unexpected('the end');
  }

  /** @returns whether a value comes next: the first one of what was just opened */
  #value(): boolean {
    if (++this.#values > MAX_VALUES) throw new Found(this.#at, `more than ${MAX_VALUES} values`);
    const character = this.#text[this.#at];
    if (character === '{' || character === '[') return this.#begin(character);
    if (character === '"') this.#string();
    else if (!this.#literal() && !this.#number()) throw this.#unexpected('a value');
    return false;
  }

  #begin(character: '{' | '['): boolean {
    if (this.#open.length === MAX_DEPTH) throw new Found(this.#at, `more than ${MAX_DEPTH} levels of nesting`);
    this.#at++;
    this.#open.push(character === '{' ? new Set() : null);
    this.#skipSpace();
    // The end of an empty one is read as that of any other.
    if (this.#text[this.#at] === (character === '{' ? '}' : ']')) return false;
    if (character === '{') this.#name();
    return true;
  }

  /** Reads what may follow a value. @returns whether another value does */
  #afterValue(): boolean {
    while (this.#open.length > 0) {
      this.#skipSpace();
      const names = this.#open.at(-1) ?? null;
      const character = this.#text[this.#at];
      if (character === ',') {
        this.#at++;
        this.#skipSpace();
        if (names !== null) this.#name();
        return true;
      }
      if (character !== (names === null ? ']' : '}'))
        throw this.#unexpected(names === null ? '"," or "]"' : '"," or "}"');
      this.#at++;
      this.#open.pop();
    }
    return false;
  }

  #name(): void {
    const from = this.#at;
    if (this.#text[from] !== '"') throw this.#unexpected('a name in double quotes');
    const name = this.#string();
    const names = this.#open.at(-1);
    if (names?.has(name) === true) throw new Found(from, `a member named ${shown(name)} a second time`);
    // Objects in the program inherit under this name.
    if (name === '__proto__') throw new Found(from, 'a member named "__proto__"');
    names?.add(name);
    this.#skipSpace();
    if (this.#text[this.#at] !== ':') throw this.#unexpected('":"');
    this.#at++;
  }

  /** @returns the text that it stands for */
  #string(): string {
    const from = this.#at++;
    let isPlain = true;
    for (; ; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === 0x22) break;
      if (Number.isNaN(code)) throw new Found(this.#text.length, 'the end inside a text');
      if (code < 0x20) throw new Found(this.#at, 'a control character inside a text, which must be escaped');
      if (code !== 0x5c) continue;
      isPlain = false;
      this.#escape();
    }
    this.#at++;
    const literal = this.#text.slice(from, this.#at);
    if (isPlain) return literal.slice(1, -1);
    const value = JSON.parse(literal) as string;
    if (!value.isWellFormed()) throw new Found(from, 'half of a surrogate pair, which is no character');
    return value;
  }

  /** Leaves the position at the last character of the escape. */
  #escape(): void {
    const character = this.#text[this.#at + 1] ?? '';
    const isCode = character === 'u' && HEX4.test(this.#text.slice(this.#at + 2, this.#at + 6));
    if (!isCode && (character === '' || !'"\\/bfnrt'.includes(character))) {
      throw new Found(this.#at, 'an escape that JSON does not have');
    }
    this.#at += isCode ? 5 : 1;
  }

  #literal(): boolean {
    const literal = LITERALS.find((known) => this.#text.startsWith(known, this.#at));
    this.#at += literal?.length ?? 0;
    return literal !== undefined;
  }

  #number(): boolean {
    NUMBER.lastIndex = this.#at;
    const isNumber = NUMBER.test(this.#text);
    if (isNumber) this.#at = NUMBER.lastIndex;
    return isNumber;
  }

  #skipSpace(): void {
    SPACE.lastIndex = this.#at;
    SPACE.test(this.#text);
    this.#at = SPACE.lastIndex;
  }

  #unexpected(expected: string): Found {
    const character = this.#text[this.#at];
    const found =
      character === undefined ? 'the end' : JSON.stringify(String.fromCodePoint(this.#text.codePointAt(this.#at) ?? 0));
    return new Found(this.#at, `${found} where ${expected} was expected`);
  }
}

function shown(name: string): string {
  return JSON.stringify(name.length <= MAX_SHOWN ? name : `${name.slice(0, MAX_SHOWN)}…`);
}
