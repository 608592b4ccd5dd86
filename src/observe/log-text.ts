import { mayHoldSecret, redactSecrets } from './redact.ts';

/** Printable ASCII that a JSON string holds as it is. */
const PLAIN = /^[ !#-[\]-~]*$/;
const NOT_ASCII = /[\u007f-\uffff]/g;
/**
 * Characters that JSON leaves as they are and that a terminal or an editor acts on: DEL and C1 controls (one of them
 * starts escape sequences), line separators, and marks that turn the direction of the text.
 */
const DECEPTIVE = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
const CONTROL = /\p{Cc}/gu;
const CUT = '...';
/** Bytes of one line, whatever was logged. */
const MAX_LINE = 65_536;
/** Characters of one text in a line that is longer. */
const MAX_TEXT = 2048;
/** Characters that are left of a text at least. */
const MIN_TEXT = 64;
/** Bytes of one unit of a string. */
const MAX_UTF8 = 3;

/**
 * A JSON string literal in pure ASCII, without secrets, of a text that a client may have chosen.
 *
 * @param max characters of the text that are kept
 */
export function quote(text: string, max: number): string {
  if (text.length <= max && PLAIN.test(text) && !mayHoldSecret(text)) return `"${text}"`;
  return JSON.stringify(keptText(text, max)).replace(NOT_ASCII, escaped);
}

/**
 * What is kept of a text that a client may have chosen: without secrets, and not too long.
 *
 * @param max characters of the text that are kept
 */
export function keptText(text: string, max: number): string {
  // Secrets go before the cut, which could leave half of one.
  const clean = redactSecrets(text);
  return clean.length <= max ? clean : clean.slice(0, max - CUT.length) + CUT;
}

/**
 * Whether a text that was kept is, or may be, only the beginning of what it was.
 *
 * @param max as `keptText` was told
 */
export function isCut(text: string, max: number): boolean {
  return text.length === max && text.endsWith(CUT);
}

/**
 * Cuts long texts in a line of JSON that would be too long: to half of their length, a quarter and so on, as far as it
 * takes. One that is too long even so keeps its level, time and message.
 *
 * @param maxBytes of the line with its line feed
 */
export function boundedLine(json: string, maxBytes = MAX_LINE): string {
  if (fits(json, maxBytes)) return json;
  for (let most = MAX_TEXT; most >= MIN_TEXT; most /= 2) {
    const shorter = `${JSON.stringify(withShortTexts(json, most))}\n`;
    if (fits(shorter, maxBytes)) return shorter;
  }
  const { level, time, worker, msg } = withShortTexts(json, MIN_TEXT);
  return `${JSON.stringify({ level, time, worker, msg, cut: true })}\n`;
}

function fits(line: string, maxBytes: number): boolean {
  return line.length * MAX_UTF8 <= maxBytes || Buffer.byteLength(line) <= maxBytes;
}

function withShortTexts(json: string, most: number): Record<string, unknown> {
  return JSON.parse(json, (_name, value: unknown) =>
    typeof value === 'string' && value.length > most ? `${value.slice(0, most)}${CUT}` : value,
  ) as Record<string, unknown>;
}

/** Escapes what could deceive a reader, and keeps letters of every script. Line feeds are left alone. */
export function escapeDeceptive(text: string): string {
  return text.replace(DECEPTIVE, escaped);
}

/** A text as one line for a terminal: controls are shown, not sent. */
export function oneLine(text: string): string {
  return escapeDeceptive(text.replace(CONTROL, escaped));
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
