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
/** Characters of one line, whatever was logged. */
const MAX_LINE = 65_536;
/** Characters of one text in a line that is longer. */
const MAX_TEXT = 2048;

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
 * Cuts long texts in a line of JSON that would be too long. One that is too long even so keeps its level, time and
 * message.
 */
export function boundedLine(json: string): string {
  if (json.length <= MAX_LINE) return json;
  const line = JSON.parse(json, (_name, value: unknown) =>
    typeof value === 'string' && value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}${CUT}` : value,
  ) as Record<string, unknown>;
  const shorter = JSON.stringify(line);
  const kept =
    shorter.length <= MAX_LINE ? line : { level: line['level'], time: line['time'], msg: line['msg'], cut: true };
  return `${JSON.stringify(kept)}\n`;
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
