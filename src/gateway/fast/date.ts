let second = Number.NaN;
let text = '';

/** The value of a Date header (RFC 9110 §6.6.1). @param at milliseconds since the epoch */
export function dateText(at: number): string {
  const now = Math.floor(at / 1000);
  if (now !== second) {
    second = now;
    text = new Date(at).toUTCString();
  }
  return text;
}
