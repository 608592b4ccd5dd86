/** The bytes of a request's head, and what each may stand for in the strict common form. */
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const PERCENT = 0x25;
export const DOT = 0x2e;
export const SLASH = 0x2f;
export const DIGIT_0 = 0x30;
export const COLON = 0x3a;
export const QUESTION = 0x3f;

/** May stand in a segment of the path: what stands plainly in a canonical one (core/target.ts), and `%`. */
export const IN_SEGMENT = 1;
/** May stand in the query. */
export const IN_QUERY = 2;
/** May stand in the name of a header: a token character (RFC 9110 §5.6.2). */
export const IN_NAME = 4;
/** May stand in the value of a header. */
export const IN_VALUE = 8;
export const IS_DIGIT = 16;

/** For each byte the sum of the above. */
export const MEANING = new Uint8Array(256);

const DIGITS = '0123456789';
const ALPHANUMERICS = `ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz${DIGITS}`;
const PRINTABLE = Array.from({ length: 0x7f - 0x20 }, (_, i) => String.fromCharCode(0x20 + i)).join('');

mark(`${ALPHANUMERICS}-._~!$&'()*+,=:@%`, IN_SEGMENT);
mark(PRINTABLE.replaceAll(/[ #\\]/g, ''), IN_QUERY);
mark(`${ALPHANUMERICS}!#$%&'*+-.^_\`|~`, IN_NAME);
mark(PRINTABLE, IN_VALUE);
mark(DIGITS, IS_DIGIT);

function mark(characters: string, meaning: number): void {
  for (const character of characters) {
    const byte = character.charCodeAt(0);
    MEANING[byte] = (MEANING[byte] as number) | meaning;
  }
}

/** In place of an offset: the bytes end before what is looked for does, and all of them fit. */
export const MORE = -1;
/** In place of an offset: a byte does not fit. */
export const OTHER = -2;

/**
 * Compares bytes with those that must stand there.
 * @param to offset behind the last byte that is there
 * @returns the offset behind `wanted`, MORE or OTHER
 */
export function expectBytes(bytes: Buffer, from: number, to: number, wanted: Uint8Array): number {
  const length = wanted.length;
  const there = Math.min(length, to - from);
  for (let i = 0; i < there; i++) {
    if (bytes[from + i] !== wanted[i]) return OTHER;
  }
  return there === length ? from + length : MORE;
}
