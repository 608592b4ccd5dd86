import { Readable } from 'node:stream';
import { CsvError, type InfoRecord, parse } from 'csv-parse';
import { TransferError } from './fault.ts';
import { newlines } from './text.ts';

export interface CsvRow {
  readonly line: number;
  readonly cells: readonly string[];
}

/** What may stand between cells; spreadsheets write semicolons where the comma belongs to numbers. */
const DELIMITERS = [',', ';', '\t'] as const;
/** Characters that the parser is given at a time, so that it need not hold all rows at once. */
const SLICE = 65_536;

const REASONS: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'a quotation mark is not closed',
  CSV_INVALID_CLOSING_QUOTE: 'expected a comma after the closing quotation mark; write " as "" inside quotes',
  INVALID_OPENING_QUOTE: 'a quotation mark stands inside a cell; write the whole cell in quotes, and " as ""',
};

interface Parsed {
  readonly record: string[];
  readonly info: InfoRecord;
}

/**
 * Rows of comma-separated values (RFC 4180), the header among them. Semicolons and tabs may stand for the commas.
 *
 * @param text its lines end with LF
 * @throws TransferError where the text is no CSV
 */
export async function* csvRows(text: string, maxRow: number): AsyncGenerator<CsvRow> {
  const parser = Readable.from(slices(text)).pipe(
    parse({
      delimiter: delimiterOf(text),
      record_delimiter: '\n',
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
      max_record_size: maxRow,
      trim: true,
    }),
  );
  try {
    for await (const { record, info } of parser as AsyncIterable<Parsed>) {
      const inside = record.reduce((sum, cell) => sum + newlines(cell), 0);
      yield { line: info.lines - inside, cells: record.map((cell) => cell.trim()) };
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw csvFault(error, maxRow);
  }
}

/** Without the parser's own message, which quotes the text. */
function csvFault(error: CsvError, maxRow: number): TransferError {
  const line = typeof error['lines'] === 'number' ? error['lines'] : null;
  if (error.code === 'CSV_MAX_RECORD_SIZE') {
    return new TransferError(line, `the row is too long; expected at most ${maxRow} characters`);
  }
  return new TransferError(line, `is not CSV here: ${REASONS[error.code] ?? 'the row cannot be told apart'}`);
}

/** The one that the header has most of. */
function delimiterOf(text: string): string {
  const end = text.indexOf('\n');
  const header = text.slice(0, end < 0 ? text.length : end);
  const count = (delimiter: string): number => header.split(delimiter).length;
  return DELIMITERS.reduce((best, each) => (count(each) > count(best) ? each : best));
}

function* slices(text: string): Generator<string> {
  for (let at = 0; at < text.length; at += SLICE) yield text.slice(at, at + SLICE);
}
