/**
 * Takes secrets out of text, wherever in it they stand: pino's own redaction knows exact paths only, and a secret that
 * leaks is always where nobody expected it.
 *
 * Every pattern is linear in the length of the text, since clients choose parts of it. Each stays inside one JSON
 * string, so that a line of JSON is still one afterwards.
 */
const REMOVED = '[secret]';

/** Cheaper than the replacements, and matches whenever one of them would. */
const SUSPECT = /(?:_|%5f)(?:[0-9A-Za-z]|%[0-9a-f]{2}){40}|bearer|authorization|api[-_]?key|:\/\/[^\s"\\/@]*@|eyJ/i;

/**
 * What follows the prefix of an API key: 49 base62 characters, or so many of them that the rest could be guessed; some may
 * be percent-encoded. No key id or trace id is as long.
 */
const API_KEY = /(_|%5f)(?:[0-9A-Za-z]|%[0-9a-f]{2}){40,}/gi;
const BEARER = /\b(bearer)(?:\s|\\t|%20|\+)+(?:\\.|[^\s"\\,;])+/gi;
/**
 * A header or setting as a JSON property, or as two elements of a list of raw headers. Both quotation marks are escaped
 * alike, or the second one would be the end of a text that the first one only stands in.
 */
const JSON_CREDENTIAL = /((?:authorization|api[-_]?key)(\\*)"\s*[:,]\s*\[?\s*\2")(?:\\.|[^"\\])+/gi;
/** The same written out in a text. */
const TEXT_CREDENTIAL = /((?:authorization|api[-_]?key)\s*[:=]\s*)[^\s"\\,;[][^"\\,;\r\n]*/gi;
const URL_CREDENTIAL = /(:\/\/)[^\s"\\/@]+@/g;
const JWT = /(?<![\w-])eyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?/g;

/** Whether the text may hold a secret; false is certain. */
export function mayHoldSecret(text: string): boolean {
  return SUSPECT.test(text);
}

/** Whether secrets were, or may have been, taken out of a text. */
export function isRedacted(text: string): boolean {
  return text.includes(REMOVED);
}

/**
 * @param text any text, or a line of JSON, which stays valid
 * @returns the text with `[secret]` in place of API keys, bearer tokens, values of Authorization and API key headers,
 *   credentials in URLs, and JWTs
 */
export function redactSecrets(text: string): string {
  if (!mayHoldSecret(text)) return text;
  return text
    .replace(JSON_CREDENTIAL, `$1${REMOVED}`)
    .replace(TEXT_CREDENTIAL, `$1${REMOVED}`)
    .replace(BEARER, `$1 ${REMOVED}`)
    .replace(URL_CREDENTIAL, `$1${REMOVED}@`)
    .replace(API_KEY, `$1${REMOVED}`)
    .replace(JWT, REMOVED);
}
