import type { Test } from 'tap';
import type { UpstreamRequest } from '../support/raw-upstream.ts';
import { answersIn, type Stage, within } from './fixture.ts';
import { faultsOf } from './inspect.ts';

/** How a request is refused. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
}

export const REJECTED: Refusal = { status: 400, code: 'request_rejected' };

/** The second request of every refused row: whoever takes the first for shorter or longer than it is, finds it. */
function smuggled(stage: Stage): string {
  return stage.request('/smuggled');
}

/**
 * Sends bytes on a connection of their own, and behind them a request that must not be served: one answer, which refuses,
 * then the end of the connection; nothing arrives upstream.
 */
export async function refuses(t: Test, stage: Stage, name: string, bytes: string, refusal = REJECTED): Promise<void> {
  const client = await stage.dial();
  client.send(bytes + smuggled(stage));
  const answer = await within(client.answer('GET'), `${name}: an answer`);
  t.equal(answer.status, refusal.status, `${name}: ${refusal.status}`);
  t.equal(codeIn(answer.body), refusal.code, `${name}: ${refusal.code}`);
  t.match(answer.header('connection'), /^close$/i, `${name}: closes`);
  await within(client.closed, `${name}: the connection closes`);
  t.equal(answersIn(client), 1, `${name}: one answer`);
  t.strictSame(targets(await stage.arrived()), [], `${name}: nothing arrives upstream`);
}

/**
 * Sends requests that turn out to be broken when their heads are already on their way, all at once: no whole request
 * arrives upstream, and what did arrive is cut off.
 * @param rows each a request for `/x`
 * @param ends the clients end their side behind it; else there is a request there that must not be served
 */
export async function breaks(t: Test, stage: Stage, rows: Readonly<Record<string, string>>, ends = false) {
  const names = Object.keys(rows);
  const sent = Object.entries(rows).map(async ([name, bytes], row) => {
    const client = await stage.dial();
    const named = bytes.replace('/x', `/x${row}`);
    client.send(ends ? named : named + smuggled(stage));
    if (ends) client.socket.end();
    await within(client.closed, `${name}: the connection closes`);
    t.ok(answersIn(client) <= 1, `${name}: one answer at most`);
    t.notMatch(client.received, /^HTTP\/1\.1 [23]/, `${name}: no success`);
  });
  await Promise.all(sent);
  for (const request of await stage.arrived()) {
    const name = names[Number(request.target.slice('/x'.length))] ?? request.target;
    await within(gone(request), `${name}: the upstream's connection is cut`);
    t.notOk(request.complete, `${name}: does not arrive whole`);
    t.strictSame(faultsOf(request, stage), [], `${name}: its head is canonical`);
  }
}

export interface Arrival {
  /** The request line. */
  readonly line: string;
  /** Headers and what they must be; undefined: absent. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: string;
  /** How the body is framed. */
  readonly framing?: 'length' | 'chunked' | 'none';
}

/** Sends bytes on a connection of their own: they are one request, which arrives upstream once, in canonical form. */
export async function forwards(
  t: Test,
  stage: Stage,
  name: string,
  bytes: string,
  expected: Arrival,
): Promise<UpstreamRequest | null> {
  const client = await stage.dial();
  client.send(bytes);
  const answer = await within(client.answer(bytes.startsWith('HEAD') ? 'HEAD' : 'GET'), `${name}: an answer`);
  client.close();
  t.equal(answer.status, 200, `${name}: 200`);
  const requests = await stage.arrived();
  t.strictSame(
    requests.map(({ head }) => head.start),
    [expected.line],
    `${name}: arrives once`,
  );
  const [request] = requests;
  if (request === undefined) return null;
  t.strictSame(faultsOf(request, stage), [], `${name}: is canonical`);
  t.notOk(request.text.includes(stage.key.secret), `${name}: the secret stays here`);
  for (const [header, value] of Object.entries(expected.headers ?? {})) {
    t.equal(request.header(header), value, `${name}: ${header}`);
  }
  if (expected.body !== undefined) t.equal(await within(request.body, name), expected.body, `${name}: body`);
  if (expected.framing !== undefined) t.equal(framingOf(request), expected.framing, `${name}: framing`);
  return request;
}

function framingOf(request: UpstreamRequest): Arrival['framing'] {
  if (request.header('transfer-encoding') !== undefined) return 'chunked';
  return request.header('content-length') === undefined ? 'none' : 'length';
}

function codeIn(body: string): unknown {
  try {
    return (JSON.parse(body) as { code?: unknown }).code;
  } catch {
    return `no problem: ${body}`;
  }
}

export function targets(requests: readonly UpstreamRequest[]): string[] {
  return requests.map(({ target }) => target);
}

function gone({ socket }: UpstreamRequest): Promise<void> {
  if (socket.closed) return Promise.resolve();
  return new Promise((resolve) => socket.once('close', () => resolve()));
}
