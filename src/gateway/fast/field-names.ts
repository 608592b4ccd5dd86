import { NameTable } from './name-table.ts';

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

/** The names of request headers. */
export const REQUEST_NAMES = new NameTable<FieldKind>((name) => KINDS.get(name) ?? FieldKind.ordinary);
