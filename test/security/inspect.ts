import type { UpstreamRequest } from '../support/raw-upstream.ts';
import type { Stage } from './fixture.ts';

/** Headers that the gateway writes itself: exactly one each, unless 0 is allowed. */
const WRITTEN: Readonly<Record<string, readonly [least: number, most: number]>> = {
  host: [1, 1],
  connection: [0, 1],
  'content-length': [0, 1],
  'transfer-encoding': [0, 1],
  'x-request-id': [1, 1],
  'x-forwarded-for': [1, 1],
  'x-forwarded-proto': [1, 1],
  'x-forwarded-host': [0, 1],
};
const IDENTITY = ['x-latchkey-key-id', 'x-latchkey-key-type', 'x-latchkey-owner', 'x-latchkey-permissions'];

/** What must not arrive under any spelling. */
const FORBIDDEN = new Set([
  'authorization',
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'te',
  'trailer',
  'upgrade',
  'expect',
  'forwarded',
  'x-real-ip',
  'x-http-method-override',
  'x-original-url',
  'x-rewrite-url',
]);

/**
 * What is wrong with a request that arrived upstream: whether it is in the one form that leaves nothing to interpret,
 * and carries what the gateway says of the caller, once. Judged by the bytes, and by nothing that the gateway judges by.
 */
export function faultsOf(request: UpstreamRequest, stage: Stage): string[] {
  const faults = [...lineFaults(request), ...headerFaults(request)];
  const isPublic = /^\/public(?:[/?]|$)/.test(request.target);
  const { id, owner } = stage.key;
  const says: Readonly<Record<string, string | undefined>> = {
    host: new URL(stage.upstream.url).host,
    'x-latchkey-key-id': isPublic ? undefined : id,
    'x-latchkey-key-type': isPublic ? undefined : 'service',
    'x-latchkey-owner': isPublic ? undefined : owner,
    'x-latchkey-permissions': isPublic ? undefined : '',
  };
  for (const [name, value] of Object.entries(says)) {
    if (request.header(name) !== value) faults.push(`${name} is ${request.header(name)}, not ${value}`);
  }
  if (request.oddity !== null) faults.push(`its chunks are odd: ${JSON.stringify(request.oddity)}`);
  return faults.map((fault) => `${fault} in ${JSON.stringify(request.text)}`);
}

function lineFaults({ head }: UpstreamRequest): string[] {
  const [, target] = /^[A-Z-]+ (\/[!-~]*) HTTP\/1\.1$/.exec(head.start) ?? [];
  if (target === undefined) return ['the request line is odd'];
  const [path = ''] = target.split('?', 1);
  const faults: string[] = [];
  if (/[#\\]/.test(target)) faults.push('the target has a character that ends or turns it');
  if (/["<>[\]^`{|};]/.test(path)) faults.push('the path has a character that must be encoded');
  if (path.includes('//')) faults.push('the path has an empty segment');
  for (const [triplet] of path.matchAll(/%.{0,2}/g)) {
    if (!/^%[0-9A-F]{2}$/.test(triplet) || /^%(?:[01].|2[F]|5C|7F)$/.test(triplet)) faults.push(`${triplet} is odd`);
    else if (/^[\w.~-]$/.test(decodeOctet(triplet))) faults.push(`${triplet} need not be encoded`);
  }
  if (path.split('/').some((segment) => segment === '.' || segment === '..')) faults.push('a dot segment');
  return faults;
}

function decodeOctet(triplet: string): string {
  return String.fromCharCode(Number.parseInt(triplet.slice(1), 16));
}

function headerFaults(request: UpstreamRequest): string[] {
  const faults: string[] = [];
  const counts = new Map<string, number>();
  for (const line of request.text.split('\r\n').slice(1)) {
    const name = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?[\t -~\x80-\xff]*$/.exec(line)?.[1]?.toLowerCase();
    if (name === undefined) {
      faults.push(`the line ${JSON.stringify(line)} is no header`);
      continue;
    }
    counts.set(name, (counts.get(name) ?? 0) + 1);
    const plain = name.replaceAll(/[^a-z0-9]/g, '-');
    const isWritten = Object.hasOwn(WRITTEN, name) || IDENTITY.includes(name);
    const isManaged = Object.hasOwn(WRITTEN, plain) || /^x-(?:latchkey|forwarded)(?:-|$)/.test(plain);
    if (name === 'upgrade' && isUpgrade(request)) continue;
    if (FORBIDDEN.has(plain) || (isManaged && !isWritten)) faults.push(`${name} must not arrive`);
  }
  for (const [name, [least, most]] of Object.entries(WRITTEN)) {
    const count = counts.get(name) ?? 0;
    if (count < least || count > most) faults.push(`${name} is there ${count} times`);
  }
  for (const name of IDENTITY) if ((counts.get(name) ?? 0) > 1) faults.push(`${name} is there twice`);
  return [...faults, ...framingFaults(request)];
}

/** Whether it asks for a WebSocket, in the one way in which it may arrive. */
function isUpgrade(request: UpstreamRequest): boolean {
  const isHandshake = request.method === 'GET' && /^[\w+/]{22}==$/.test(request.header('sec-websocket-key') ?? '');
  const hasBody = (request.header('content-length') ?? request.header('transfer-encoding')) !== undefined;
  return isHandshake && !hasBody && request.header('upgrade') === 'websocket';
}

function framingFaults(request: UpstreamRequest): string[] {
  const length = request.header('content-length');
  const coding = request.header('transfer-encoding');
  const connection = request.header('connection');
  const faults: string[] = [];
  if (length !== undefined && coding !== undefined) faults.push('it has two framings');
  if (length !== undefined && !/^(?:0|[1-9]\d{0,14})$/.test(length)) faults.push(`its length is ${length}`);
  if (coding !== undefined && coding !== 'chunked') faults.push(`its coding is ${coding}`);
  const options = isUpgrade(request) ? /^Upgrade$/ : /^(?:keep-alive|close)$/;
  if (connection !== undefined && !options.test(connection)) faults.push(`connection: ${connection}`);
  return faults;
}
