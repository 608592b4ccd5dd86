/** What the name of a header means to one who reads a plain request. */
export type FieldKind = (typeof FieldKind)[keyof typeof FieldKind];

export const FieldKind = {
  ordinary: 0,
  host: 1,
  authorization: 2,
  contentLength: 3,
  connection: 4,
  /** What is read from it outlives the request. */
  kept: 5,
  /** A request that has it is not a plain one. */
  foreign: 6,
} as const;

const KINDS = new Map<string, FieldKind>([
  ['host', FieldKind.host],
  ['authorization', FieldKind.authorization],
  ['content-length', FieldKind.contentLength],
  ['connection', FieldKind.connection],
  ['x-forwarded-for', FieldKind.kept],
  ['forwarded', FieldKind.kept],
  ['user-agent', FieldKind.kept],
  ['x-request-id', FieldKind.kept],
  ['transfer-encoding', FieldKind.foreign],
  ['upgrade', FieldKind.foreign],
  ['expect', FieldKind.foreign],
  ['trailer', FieldKind.foreign],
  ['te', FieldKind.foreign],
  ['http2-settings', FieldKind.foreign],
  ['keep-alive', FieldKind.foreign],
  ['proxy-connection', FieldKind.foreign],
]);

/** Names remembered as they were spelt, and the longest that is. A power of two: each has one place, by its hash. */
const PLACES = 1024;
const MAX_REMEMBERED_LENGTH = 64;

const names: string[] = Array.from({ length: PLACES }, () => '');
const kinds = new Uint8Array(PLACES);
const spellings = new Uint8Array(PLACES * MAX_REMEMBERED_LENGTH);

/** The name that was found last, as it was spelt. Spelt alike it is the same string, which maps find fastest. */
let foundName = '';

export function lastFoundName(): string {
  return foundName;
}

/**
 * Finds the name that stands from `from` to before `to`; `lastFoundName` has it afterwards.
 * @param hash any number that depends on those bytes alone
 */
export function findName(bytes: Buffer, from: number, to: number, hash: number): FieldKind {
  const length = to - from;
  const place = (hash ^ (hash >>> 10) ^ (hash >>> 20)) & (PLACES - 1);
  const name = names[place] as string;
  if (name.length === length && isSpelt(bytes, from, length, place * MAX_REMEMBERED_LENGTH)) {
    foundName = name;
    return kinds[place] as FieldKind;
  }
  foundName = bytes.toString('latin1', from, to);
  const kind = KINDS.get(foundName.toLowerCase()) ?? FieldKind.ordinary;
  // Clients choose names: a made-up one may take the place of one that is in use, which takes it back when it next comes.
  if (length <= MAX_REMEMBERED_LENGTH) remember(place, foundName, kind, bytes, from);
  return kind;
}

function isSpelt(bytes: Buffer, from: number, length: number, start: number): boolean {
  for (let i = 0; i < length; i++) {
    if (bytes[from + i] !== spellings[start + i]) return false;
  }
  return true;
}

function remember(place: number, name: string, kind: FieldKind, bytes: Buffer, from: number): void {
  names[place] = name;
  kinds[place] = kind;
  bytes.copy(spellings, place * MAX_REMEMBERED_LENGTH, from, from + name.length);
}
