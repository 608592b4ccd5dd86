/** Sizes as people write them, `64KiB`, `10MiB`, `1GiB`: one whole number and one binary unit, or a number of bytes. */
const SIZE = /^(\d{1,16})(B|KiB|MiB|GiB|TiB)?$/;

const UNIT_BYTES = { TiB: 2 ** 40, GiB: 2 ** 30, MiB: 2 ** 20, KiB: 2 ** 10, B: 1 } as const;

/**
 * @param text `10MiB`, `64KiB`, `512B` or `512`
 * @returns bytes, or null when the text is not a size or is too large to count exactly
 */
export function parseSize(text: string): number | null {
  const found = SIZE.exec(text);
  if (found === null) return null;
  const bytes = Number(found[1]) * UNIT_BYTES[(found[2] ?? 'B') as keyof typeof UNIT_BYTES];
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/**
 * The shortest text that `parseSize` reads back as the same size.
 *
 * @param bytes a whole number, zero or more
 */
export function formatSize(bytes: number): string {
  if (bytes === 0) return '0B';
  for (const [unit, size] of Object.entries(UNIT_BYTES)) {
    if (bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return `${bytes}B`;
}
