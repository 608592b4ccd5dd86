import { classOf, HeaderClass } from './header-names.ts';

/** Stands for a header that is there without a value, which must not look like an absent one. It is never a valid value. */
const EMPTY = '?';

/** The headers of a request, read once. '' stands for a header that is absent, unless said otherwise. */
export class Head {
  host = '';
  /** undefined: absent. */
  authorization: string | undefined = undefined;
  contentLength = '';
  transferEncoding = '';
  connection = '';
  expect = '';
  upgrade = '';
  /** All values joined with commas, in order; undefined: absent. */
  forwardedFor: string | undefined = undefined;
  forwardedProto = '';
  forwardedHost = '';
  /** All values of Forwarded joined with commas, in order; undefined: absent. */
  forwarded: string | undefined = undefined;
  requestId = '';
  /** Which of the headers that must be there at most once was there twice; '' when none was. */
  repeated = '';
  /** Names and values that go to the upstream as they came. */
  readonly passed: string[] = [];
}

/**
 * Sorts the headers of a request into those that the gateway acts on and those that it passes on.
 * @param raw     names and values in turn, as sent
 * @param allowed lower-case names of overriding headers that the configuration lets through
 */
export function readHead(raw: readonly string[], allowed: ReadonlySet<string>): Head {
  const head = new Head();
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    const kind = classOf(name);
    if (kind === HeaderClass.pass) head.passed.push(name, value);
    else if (kind !== HeaderClass.drop) take(head, kind, name, value, allowed);
  }
  if (head.connection !== '' && namesHeaders(head.connection)) dropNamed(head);
  return head;
}

function take(head: Head, kind: HeaderClass, name: string, value: string, allowed: ReadonlySet<string>): void {
  switch (kind) {
    case HeaderClass.host:
      if (head.host !== '') head.repeated = 'Host';
      head.host = value === '' ? EMPTY : value;
      break;
    case HeaderClass.authorization:
      if (head.authorization !== undefined) head.repeated = 'Authorization';
      head.authorization = value;
      break;
    case HeaderClass.contentLength:
      if (head.contentLength !== '') head.repeated = 'Content-Length';
      head.contentLength = value === '' ? EMPTY : value;
      break;
    case HeaderClass.transferEncoding:
      if (head.transferEncoding !== '') head.repeated = 'Transfer-Encoding';
      head.transferEncoding = value === '' ? EMPTY : value;
      break;
    case HeaderClass.connection:
      head.connection = head.connection === '' ? value : `${head.connection},${value}`;
      break;
    case HeaderClass.override:
      if (allowed.has(name.toLowerCase())) head.passed.push(name, value);
      break;
    default:
      takeHint(head, kind, value);
  }
}

function takeHint(head: Head, kind: HeaderClass, value: string): void {
  switch (kind) {
    case HeaderClass.expect:
      head.expect = head.expect === '' ? value : `${head.expect},${value}`;
      break;
    case HeaderClass.upgrade:
      head.upgrade = head.upgrade === '' ? value : `${head.upgrade},${value}`;
      break;
    case HeaderClass.forwardedFor:
      head.forwardedFor = head.forwardedFor === undefined ? value : `${head.forwardedFor},${value}`;
      break;
    case HeaderClass.forwarded:
      head.forwarded = head.forwarded === undefined ? value : `${head.forwarded},${value}`;
      break;
    // The last value is the nearest proxy's.
    case HeaderClass.forwardedProto:
      head.forwardedProto = value;
      break;
    case HeaderClass.forwardedHost:
      head.forwardedHost = value;
      break;
    case HeaderClass.requestId:
      // Two of them identify nothing.
      head.requestId = head.requestId === '' ? value : ' ';
      break;
    default:
      break;
  }
}

function namesHeaders(connection: string): boolean {
  return (
    connection !== 'keep-alive' && connection !== 'close' && connection !== 'Keep-Alive' && connection !== 'Upgrade'
  );
}

/** Drops what `Connection` names. Only passed headers are looked at: those that the gateway sets come later. */
function dropNamed(head: Head): void {
  const named = new Set(head.connection.split(',').map((token) => token.trim().toLowerCase()));
  const { passed } = head;
  let kept = 0;
  for (let i = 0; i < passed.length; i += 2) {
    const name = passed[i] as string;
    if (named.has(name.toLowerCase())) continue;
    passed[kept++] = name;
    passed[kept++] = passed[i + 1] as string;
  }
  passed.length = kept;
}
