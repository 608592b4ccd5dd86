import fc from 'fast-check';

/**
 * The seed of all that tests choose by chance: the same in every run, so that a failure is one for everybody. The
 * variable explores others.
 */
export const SEED = seedFrom(process.env['LATCHKEY_TEST_SEED']);

function seedFrom(text: string | undefined): number {
  if (text === undefined || text === '') return 20_261_122;
  const seed = Number(text);
  if (!Number.isInteger(seed) || Math.abs(seed) >= 2 ** 31) {
    throw new Error(`LATCHKEY_TEST_SEED: expected a whole number of 32 bits, got ${JSON.stringify(text)}`);
  }
  return seed;
}

/** Asserts that a property holds of so many values; a failure says of which it does not. */
export function holds<T>(property: fc.IProperty<T>, numRuns = 100): void {
  fc.assert(property, { seed: SEED, numRuns });
}

/** Numbers that look like chance and are the same each time: mulberry32. @returns whole numbers from 0 to below `below` */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}
