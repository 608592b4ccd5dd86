import { jsonFault } from '../json-scan.ts';
import { areOfListing, type Columns, columnOf, expectedColumns, unknownColumn } from './columns.ts';
import { csvRows } from './csv-rows.ts';
import { type RowFault, TransferError } from './fault.ts';
import { jsonRows } from './json-rows.ts';

/** The largest list of keys: what is planned of it is in memory before anything is written. */
export const MAX_ROWS = 500_000;
/** Characters of one row. */
const MAX_ROW = 65_536;
/** Names of unknown columns that are remembered, so that each is said once. */
const MAX_UNKNOWN = 1_000;

/** One row of a list, by what its columns give. CSV holds texts only; an empty one is left out. */
export interface Row {
  readonly line: number;
  readonly fields: ReadonlyMap<string, unknown>;
}

/**
 * Reads a list of keys in CSV or JSON, whichever it is.
 *
 * @returns each row, or what is wrong with it
 * @throws TransferError when the file as a whole makes no sense: no CSV, a column that is not known, too many rows
 */
export async function* readRows(text: string, columns: Columns): AsyncGenerator<Row | readonly RowFault[]> {
  const isJson = /^\s*[[{]/.test(text);
  let count = 0;
  for await (const row of isJson ? fromJson(text, columns) : fromCsv(text, columns)) {
    count++;
    if (count > MAX_ROWS) throw new TransferError(null, `has more than ${MAX_ROWS} rows; split it`);
    yield row;
  }
  if (count === 0) throw new TransferError(null, 'holds no keys');
}

async function* fromCsv(text: string, columns: Columns): AsyncGenerator<Row | readonly RowFault[]> {
  let header: readonly string[] | null = null;
  for await (const { line, cells } of csvRows(text, MAX_ROW)) {
    if (header === null) {
      header = headerOf(cells, columns, line);
    } else if (cells.length !== header.length) {
      const message = `has ${cells.length} cells where the header has ${header.length}; put cells with a comma in quotes`;
      yield [{ line, field: null, message }];
    } else {
      const named = header.map((name, index) => [name, cells[index] ?? ''] as const);
      yield { line, fields: new Map(named.filter(([, cell]) => cell !== '')) };
    }
  }
}

/** What each column gives. Every name that is wrong is told at once. */
function headerOf(cells: readonly string[], columns: Columns, line: number): string[] {
  refuseListing(cells);
  const names: string[] = [];
  const faults: string[] = [];
  for (const [index, cell] of cells.entries()) {
    const name = columnOf(cell, columns);
    if (name === null) faults.push(`column ${index + 1}: ${unknownColumn(cell, columns)}`);
    else if (names.includes(name)) faults.push(`column ${index + 1}: "${name}" is given by another column already`);
    names.push(name ?? '');
  }
  if (faults.length > 0) {
    const expected = expectedColumns(columns);
    throw new TransferError(line, `the first row must name the columns: ${faults.join('; ')} (${expected})`);
  }
  return names;
}

async function* fromJson(text: string, columns: Columns): AsyncGenerator<Row | readonly RowFault[]> {
  const unknown = new Set<string>();
  for (const { line, text: row } of jsonRows(text)) {
    if (row.length > MAX_ROW) {
      throw new TransferError(line, `the row is too long; expected at most ${MAX_ROW} characters`);
    }
    // A parser's message quotes the text.
    const fault = jsonFault(row);
    if (fault !== null) yield [{ line, field: null, message: `is not JSON: ${fault.found}` }];
    else yield jsonRow(line, JSON.parse(row), columns, unknown);
  }
}

/** @param unknown names of columns that earlier rows had and nobody knows; those of this row are put to them */
function jsonRow(line: number, value: unknown, columns: Columns, unknown: Set<string>): Row | readonly RowFault[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [{ line, field: null, message: 'is no object; expected one like {"name": "ci", "secret": "…"}' }];
  }
  refuseListing(Object.keys(value));
  const fields = new Map<string, unknown>();
  const faults: RowFault[] = [];
  for (const [given, content] of Object.entries(value)) {
    const name = columnOf(given, columns);
    if (name === null) {
      const message = unknownColumn(given, columns);
      faults.push({ line, field: null, message, ...(unknown.has(given) ? { repeats: true } : {}) });
      if (unknown.size < MAX_UNKNOWN) unknown.add(given);
    } else if (fields.has(name)) faults.push({ line, field: name, message: 'is given twice, under two names' });
    else if (content !== null && content !== '') fields.set(name, content);
  }
  return faults.length > 0 ? faults : { line, fields };
}

function refuseListing(names: readonly string[]): void {
  if (!areOfListing(names)) return;
  throw new TransferError(null, 'is a listing, which has neither secrets nor hashes; "latchkey export" makes a backup');
}
