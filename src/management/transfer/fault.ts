/** The longest value that a message repeats: what is longer may be a secret that stands in the wrong column. */
const MAX_QUOTED = 15;
const GLIMPSE = 4;

/** One thing that is wrong with a row of a file. Never holds a secret. */
export interface RowFault {
  /** 1 for the first line of the file. */
  readonly line: number;
  /** The column or field; null: the row as a whole. */
  readonly field: string | null;
  /** What is wrong and what was expected. */
  readonly message: string;
  /** It is about the file rather than the row, and an earlier row had it already. */
  readonly repeats?: boolean;
}

/** A file that is not what it should be; nothing in it was used. */
export class TransferError extends Error {
  readonly code = 'INPUT_INVALID';
  /** null: the file as a whole. */
  readonly line: number | null;
  constructor(line: number | null, message: string) {
    super(message);
    this.name = 'TransferError';
    this.line = line;
  }
}

/** A text from a file as a message shows it: enough to find it by, too little to use it. */
export function glimpse(text: string): string {
  return text.length <= MAX_QUOTED ? JSON.stringify(text) : `"${text.slice(0, GLIMPSE)}…" (${text.length} characters)`;
}

/** A message that begins with the value that it is about, with that value cut when it is long. */
export function discreet(message: string): string {
  return message.replace(/^"([^"]*)"/, (_, value: string) => glimpse(value));
}
