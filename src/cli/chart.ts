/** Charts of block characters. */
import { length, pad, shorten } from './table.ts';

/** Eighths of a character: from the left for bars, from below for columns. */
const LEFT = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const;
const BELOW = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇'] as const;
const FULL = '█';

/** A bar for `value`, of `width` characters for `most`. What is more than nothing can be seen. */
export function bar(value: number, most: number, width: number): string {
  const eighths = scaled(value, most, width * 8);
  return FULL.repeat(Math.floor(eighths / 8)) + (LEFT[eighths % 8] ?? '');
}

/** One line for each label: the label, its number and its bar. */
export function bars(rows: readonly (readonly [label: string, value: number])[], width: number): string[] {
  const numbers = rows.map(([, value]) => grouped(value));
  const numberWidth = Math.max(0, ...numbers.map((text) => text.length));
  // A third for the bars; labels have the rest, as far as they need it.
  const barWidth = Math.max(8, Math.floor(width / 3));
  const labelWidth = Math.max(8, width - barWidth - numberWidth - 4);
  const labels = rows.map(([label]) => shorten(label, labelWidth));
  const widest = Math.max(0, ...labels.map(length));
  const most = Math.max(1, ...rows.map(([, value]) => value));
  return rows.map(([, value], index) =>
    `${pad(labels[index] ?? '', widest)}  ${(numbers[index] ?? '').padStart(numberWidth)}  ${bar(value, most, barWidth)}`.trimEnd(),
  );
}

/** Columns for values in order, from the bottom of so many lines. */
export function columns(values: readonly number[], columnWidth: number, height: number): string[] {
  const most = Math.max(1, ...values);
  const heights = values.map((value) => scaled(value, most, height * 8));
  const gap = columnWidth > 1 ? 1 : 0;
  return Array.from({ length: height }, (_, index) => {
    const floor = (height - 1 - index) * 8;
    return heights
      .map((eighths) => {
        const here = eighths - floor;
        const block = here >= 8 ? FULL : (BELOW[Math.max(0, here)] ?? ' ');
        return block.repeat(columnWidth - gap) + ' '.repeat(gap);
      })
      .join('')
      .trimEnd();
  });
}

/** Steps of a series as at most `most` sums of equally many neighbours; the last may have fewer. */
export function condensed<T>(steps: readonly T[], most: number): T[][] {
  const size = Math.max(1, Math.ceil(steps.length / most));
  return Array.from({ length: Math.ceil(steps.length / size) }, (_, index) =>
    steps.slice(index * size, (index + 1) * size),
  );
}

/** `1,234,567`, whatever language the machine speaks. */
export function grouped(number: number): string {
  return String(number).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

function scaled(value: number, most: number, size: number): number {
  const exact = Math.round((value / most) * size);
  return value > 0 ? Math.max(1, exact) : 0;
}
