import { oneLine } from '../observe/log-text.ts';
import type { Io } from './io.ts';

/** One column of a table, of rows of type T. */
export interface Column<T> {
  readonly title: string;
  cell(row: T): string;
  /** Numbers stand at the right. */
  readonly right?: boolean;
  /** How short its texts may become where the terminal is narrow; absent: they stay whole. */
  readonly shortest?: number;
  /** Which columns go first where shortening is not enough: the highest; absent: it stays. */
  readonly goes?: number;
  /** @param text the cell, padded */
  paint?(text: string, row: T): string;
}

const GAP = '  ';
/** What a reader sees as one character. */
const GRAPHEMES = new Intl.Segmenter('en');

/** A table that fits into the terminal, as far as its columns allow; whole where there is none. */
export function table<T>(columns: readonly Column<T>[], rows: readonly T[], io: Io): string {
  const { kept, widths } = fit(columns, rows, io.columns ?? Number.POSITIVE_INFINITY);
  const line = (cells: readonly string[], row?: T): string =>
    cells
      .map((text, index) => {
        const column = kept[index] as Column<T>;
        const padded = pad(shorten(text, widths[index] ?? 0), widths[index] ?? 0, column.right === true);
        return row === undefined || column.paint === undefined ? padded : column.paint(padded, row);
      })
      .join(GAP)
      .trimEnd();
  const header = io.paint('bold', line(kept.map(({ title }) => title)));
  return [
    header,
    ...rows.map((row) =>
      line(
        kept.map((column) => cellOf(column, row)),
        row,
      ),
    ),
  ].join('\n');
}

interface Fitted<T> {
  readonly kept: readonly Column<T>[];
  readonly widths: readonly number[];
}

/** First the longest are shortened, then columns go. */
function fit<T>(columns: readonly Column<T>[], rows: readonly T[], most: number): Fitted<T> {
  const widths = columns.map((column) =>
    rows.reduce((widest, row) => Math.max(widest, length(cellOf(column, row))), length(column.title)),
  );
  for (;;) {
    const excess = widths.reduce((sum, width) => sum + width, 0) + GAP.length * (columns.length - 1) - most;
    if (excess <= 0) return { kept: columns, widths };
    const longest = longestShortenable(columns, widths);
    if (longest < 0) break;
    widths[longest] = (widths[longest] ?? 0) - 1;
  }
  const goes = Math.max(...columns.map((column) => column.goes ?? 0));
  if (goes === 0) return { kept: columns, widths };
  return fit(
    columns.filter((column) => column.goes !== goes),
    rows,
    most,
  );
}

/** -1 when none can be shortened any more. */
function longestShortenable<T>(columns: readonly Column<T>[], widths: readonly number[]): number {
  let found = -1;
  for (const [index, { shortest, title }] of columns.entries()) {
    const width = widths[index] ?? 0;
    if (shortest === undefined || width <= Math.max(shortest, title.length)) continue;
    if (found < 0 || width > (widths[found] ?? 0)) found = index;
  }
  return found;
}

/** As one line: nobody's name can pass for another row. */
function cellOf<T>(column: Column<T>, row: T): string {
  return oneLine(column.cell(row));
}

/** A text of at most so many characters, with a mark where it was cut. */
export function shorten(text: string, most: number): string {
  if (length(text) <= most) return text;
  const kept = Array.from(GRAPHEMES.segment(text), ({ segment }) => segment).slice(0, Math.max(0, most - 1));
  return `${kept.join('')}…`;
}

/** @param atRight whether the text stands at the right */
export function pad(text: string, width: number, atRight = false): string {
  const blanks = ' '.repeat(Math.max(0, width - length(text)));
  return atRight ? blanks + text : text + blanks;
}

/** Characters as a reader counts them. */
export function length(text: string): number {
  // Nearly all texts; counting graphemes takes a hundred times as long.
  if (/^[ -~]*$/.test(text)) return text.length;
  return Array.from(GRAPHEMES.segment(text)).length;
}
