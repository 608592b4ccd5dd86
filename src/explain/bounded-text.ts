/** Entries of a list that a sentence names. */
const MAX_NAMED = 5;
/** Characters of a text that is quoted. */
const MAX_QUOTED = 300;

/** ECMA-262: 100,000,000 days after the epoch. */
const MAX_DATE_MS = 8.64e15;

const NUMBER = new Intl.NumberFormat('en-US');

/** A number as people read it: `9,995`. */
export function count(value: number): string {
  return NUMBER.format(value);
}

/** The first entries of a list, and how many there are besides: a key may have ten thousand addresses. */
export function listed(entries: readonly string[]): string {
  const named = entries.slice(0, MAX_NAMED).map(clipped).join(', ');
  return entries.length <= MAX_NAMED ? named : `${named}, and ${count(entries.length - MAX_NAMED)} more`;
}

/** A text without what is too much of it. */
export function clipped(text: string): string {
  return text.length <= MAX_QUOTED ? text : `${text.slice(0, MAX_QUOTED)}…`;
}

/** A time in ISO 8601; a stored one beyond what a Date can hold is told as the last that it can. @param at ms since the epoch */
export function isoText(at: number): string {
  return new Date(Math.max(-MAX_DATE_MS, Math.min(MAX_DATE_MS, at))).toISOString();
}
