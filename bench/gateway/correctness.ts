import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { newSecret } from '../../src/keys/secret.ts';
import type { Contestant, Running } from './contestants/contestant.ts';
import type { KeyFile } from './key-files.ts';

interface Answer {
  readonly status: number;
  readonly body: string;
}

const SIZE = 100_000;
const TIMEOUT_MS = 10_000;

/**
 * Sees that a contestant does what it is measured for: passes requests and bodies of a known key whole, and refuses others.
 *
 * @throws Error that says what it does instead
 */
export async function checkWorks({ name, checksKeys }: Contestant, { port }: Running, keys: KeyFile): Promise<void> {
  const key = readFileSync(keys.file, 'utf8').split('\n', 1)[0] ?? '';
  const expect = (what: string, wanted: string | number, got: string | number): void => {
    if (wanted !== got) throw new Error(`${name}: ${what}: ${wanted} was expected, not ${got}`);
  };
  const small = await ask(port, key, '/api/domains/42');
  expect('a request with a key', 200, small.status);
  const large = await ask(port, key, `/api/domains/size-${SIZE}`);
  expect(`bytes of an answer of ${SIZE}`, SIZE, large.body.length);
  const upload = await ask(port, key, '/api/domains', 'x'.repeat(SIZE));
  expect('an upload', JSON.stringify({ received: SIZE }), upload.body);
  if (!checksKeys) return;
  expect('a request without a key', 401, (await ask(port, null, '/api/domains/42')).status);
  expect('a request with an unknown key', 401, (await ask(port, newSecret('lk'), '/api/domains/42')).status);
}

function ask(port: number, key: string | null, path: string, upload?: string): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const headers = {
    ...(key === null ? {} : { authorization: `Bearer ${key}` }),
    ...(upload === undefined
      ? {}
      : { 'content-type': 'application/octet-stream', 'content-length': String(upload.length) }),
  };
  const options = {
    port,
    host: '127.0.0.1',
    path,
    method: upload === undefined ? 'GET' : 'POST',
    headers,
    agent: false,
  };
  const request = httpRequest({ ...options, signal: AbortSignal.timeout(TIMEOUT_MS) }, (response) => {
    let body = '';
    response.setEncoding('latin1');
    response.on('data', (text: string) => (body += text));
    response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    response.on('error', reject);
  });
  request.on('error', reject);
  request.end(upload);
  return promise;
}
