import { AnswerClass } from '../headers-client.ts';

/** Offsets that a header has: where its name begins and ends, and where its value does. */
const MARKS = 4;

/** The header lines of an answer, as they were found in its bytes. Good until the next head is read. */
export class AnswerFields {
  /** How many headers there are. */
  count = 0;
  /** Content-Length; -1: there is none. */
  length = -1;
  /**
   * Whether what goes on of it goes on as it stands. Not so where a line is spelt otherwise than it is written here, and
   * where what becomes of one hangs on what another says.
   */
  isPlain = true;
  /** Of each header in turn its `MARKS`, in the bytes that it was found in. What is behind the last is of heads before. */
  readonly #marks: number[] = [];
  /** Of each header in turn what its name means. */
  readonly #kinds: AnswerClass[] = [];
  #text = '';
  #start = 0;

  /** Names and values in turn, as sent. */
  get raw(): string[] {
    const marks = this.#marks;
    const raw: string[] = [];
    for (let i = 0; i < MARKS * this.count; i += 2) raw.push(this.#cut(marks[i] as number, marks[i + 1] as number));
    return raw;
  }

  get hasDate(): boolean {
    for (let i = 0; i < this.count; i++) if (this.#kinds[i] === AnswerClass.date) return true;
    return false;
  }

  clear(): void {
    this.count = 0;
    this.length = -1;
    this.isPlain = true;
    this.#text = '';
  }

  /** Adds a header: where it is, and what its name means. */
  add(kind: AnswerClass, name: number, nameEnd: number, value: number, valueEnd: number): void {
    const at = MARKS * this.count;
    this.#kinds[this.count++] = kind;
    this.#marks[at] = name;
    this.#marks[at + 1] = nameEnd;
    this.#marks[at + 2] = value;
    this.#marks[at + 3] = valueEnd;
  }

  /** The bytes were moved to the front. @param by how far */
  move(by: number): void {
    for (let i = 0; i < MARKS * this.count; i++) this.#marks[i] = (this.#marks[i] as number) - by;
  }

  /** What the name of the header at an index means. */
  kind(index: number): AnswerClass {
    return this.#kinds[index] as AnswerClass;
  }

  /** Takes the lines out of the bytes, which are not needed any more. @param end offset behind the empty line */
  take(bytes: Buffer, end: number): void {
    this.#start = this.count === 0 ? end : (this.#marks[0] as number);
    // One string that all others are cut out of: several times faster than making each from the bytes.
    this.#text = bytes.toString('latin1', this.#start, end);
  }

  /** The value of the header at an index. */
  value(index: number): string {
    const at = MARKS * index + 2;
    return this.#cut(this.#marks[at] as number, this.#marks[at + 1] as number);
  }

  /**
   * The lines of a plain head that go to the client, in as few pieces as there are (`relayedHead` does it for every head).
   * @param noBody the status allows no body
   */
  lines(noBody: boolean): string {
    const kinds = this.#kinds;
    const marks = this.#marks;
    let lines = '';
    let from = -1;
    for (let i = 0; i < this.count; i++) {
      const kind = kinds[i] as AnswerClass;
      const passes = kind <= AnswerClass.date || (kind === AnswerClass.contentLength && !noBody);
      if (passes === from >= 0) continue;
      const at = marks[MARKS * i] as number;
      if (!passes) lines += this.#cut(from, at);
      from = passes ? at : -1;
    }
    // The last two bytes are the empty line.
    return from < 0 ? lines : lines + this.#cut(from, this.#start + this.#text.length - 2);
  }

  #cut(from: number, to: number): string {
    return this.#text.substring(from - this.#start, to - this.#start);
  }
}
