/**
 * IPv6 addresses as text (RFC 4291 §2.2) and as four words of 32 bits, in network order. Nothing is allocated to read
 * one, so that an address that was never seen costs a fraction of a microsecond.
 */

const COLON = 0x3a;
const ZERO = 0x30;
const LOWER_A = 0x61;
const GROUPS = 8;

/** The groups of the address that is being read; reading never waits, so one is enough. */
const groups = new Uint16Array(GROUPS);

/**
 * Reads an address of hexadecimal groups, in which one `::` may stand for groups of zeros.
 *
 * @param into where the four words go; left alone when the text is refused
 * @returns false for any other text, also for the forms with an IPv4 address or a zone at the end
 */
export function readIpv6(text: string, into: Uint32Array): boolean {
  const { length } = text;
  let count = 0;
  let gap = -1;
  let value = 0;
  let digits = 0;
  let i = 0;
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return false;
    gap = 0;
    i = 2;
  }
  for (; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code !== COLON) {
      const digit = hexDigit(code);
      if (digit < 0 || digits === 4) return false;
      value = (value << 4) | digit;
      digits++;
    } else if (digits > 0) {
      // After the eighth group there is no place for a colon.
      if (count === GROUPS - 1) return false;
      groups[count++] = value;
      value = 0;
      digits = 0;
    } else {
      if (gap >= 0) return false;
      gap = count;
    }
  }
  if (digits > 0) groups[count++] = value;
  else if (gap !== count) return false;
  if (gap < 0 ? count !== GROUPS : count === GROUPS) return false;
  if (gap >= 0) widen(gap, count);
  for (let word = 0; word < 4; word++) {
    into[word] = (groups[2 * word] as number) * 0x10000 + (groups[2 * word + 1] as number);
  }
  return true;
}

/** Moves what stands behind the gap to the end, and fills the gap with zeros. */
function widen(gap: number, count: number): void {
  groups.copyWithin(GROUPS - count + gap, gap, count);
  groups.fill(0, gap, GROUPS - count + gap);
}

/** @returns -1 when the character is no hexadecimal digit */
function hexDigit(code: number): number {
  const decimal = code - ZERO;
  if (decimal >= 0 && decimal <= 9) return decimal;
  const letter = (code | 0x20) - LOWER_A;
  return letter >= 0 && letter <= 5 ? letter + 10 : -1;
}

/** Writes an address as RFC 5952 §4 has it: lower case, and `::` for the first of the longest runs of zeros. */
export function writeIpv6(words: readonly number[]): string {
  const parts = words.flatMap((word) => [word >>> 16, word & 0xffff]);
  let start = 0;
  let longest = 0;
  for (let i = 0, run = 0; i < GROUPS; i++) {
    run = parts[i] === 0 ? run + 1 : 0;
    if (run > longest) {
      longest = run;
      start = i + 1 - run;
    }
  }
  // A single group of zeros is written out (RFC 5952 §4.2.2).
  if (longest < 2) return hex(parts);
  return `${hex(parts.slice(0, start))}::${hex(parts.slice(start + longest))}`;
}

function hex(parts: readonly number[]): string {
  return parts.map((part) => part.toString(16)).join(':');
}
