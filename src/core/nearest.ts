import { closest, distance } from 'fastest-levenshtein';

/**
 * The known name that a mistyped one was probably meant to be.
 *
 * @returns null when nothing is near enough for the guess to help
 */
export function nearestName(name: string, known: readonly string[]): string | null {
  // Long names are cut first: the distance takes time in the product of both lengths.
  const typed = name.slice(0, 64).toLowerCase();
  if (typed === '' || known.length === 0) return null;
  const guess = closest(typed, known);
  // At least half of a guess must have been typed: any two letters are two changes away from any others.
  const most = Math.min(Math.floor(guess.length / 2), Math.max(2, Math.floor(guess.length / 3)));
  return distance(typed, guess) <= most ? guess : null;
}

/** `; did you mean "listen"?`, or '' when nothing is near. */
export function didYouMean(name: string, known: readonly string[]): string {
  const guess = nearestName(name, known);
  return guess === null ? '' : `; did you mean "${guess}"?`;
}
