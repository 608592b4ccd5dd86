import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JwtConfig } from '../../src/config/config.ts';
import { type Authenticator, createAuthenticator } from '../../src/management/auth/authenticator.ts';
import { mintToken } from '../../src/management/auth/mint.ts';
import { signingSecret } from '../../src/management/auth/secret-file.ts';
import type { Endpoint } from '../../src/management/endpoint.ts';
import {
  createManagementServer,
  type ManagementServer,
  type ManagementServerOptions,
} from '../../src/management/server.ts';
import { ManualClock, NOON } from '../support/clock.ts';

interface Teardown {
  teardown(handler: () => unknown): void;
}

export const ISSUER = 'https://issuer.test';
export const AUDIENCE = 'latchkey-management';
export const MAX_BODY = 4096;

/** A folder that is gone when the test ends. */
export function folder(t: Teardown): string {
  const path = mkdtempSync(join(tmpdir(), 'latchkey-management-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A configuration of tokens from one source. */
export function jwtConfig(source: JwtConfig['source']): JwtConfig {
  return { issuer: ISSUER, audience: AUDIENCE, source };
}

/** An authenticator with a signing secret of its own, and its tokens. */
export async function secretAuthenticator(t: Teardown, clock = new ManualClock()) {
  const path = join(folder(t), 'management.secret');
  const { secret } = signingSecret(path);
  const authenticator = await createAuthenticator(jwtConfig({ kind: 'secret_file', path }), clock);
  const token = async (permissions: readonly string[] = ['admin:write'], subject = 'alice'): Promise<string> => {
    const asked = { secret, issuer: ISSUER, audience: AUDIENCE, subject, permissions, ttlSeconds: 3600, now: NOON };
    return (await mintToken(asked)).token;
  };
  return { authenticator, clock, path, secret, token };
}

export interface Started {
  readonly server: ManagementServer;
  readonly port: number;
  readonly url: string;
  readonly clock: ManualClock;
  /** A good token. */
  readonly token: string;
  /** What `onFailure` was told. */
  readonly told: { readonly error: unknown; readonly requestId: string }[];
  /** Asks with the good token, unless headers say otherwise. */
  ask(path: string, init?: RequestInit): Promise<Response>;
  /** Asks with a JSON body. */
  send(method: string, path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>;
  /** The start of a raw request with the good token: request line and headers. */
  raw(method: string, path: string, extra?: string): string;
}

/** A listener with endpoints of the test's own, on a free port. */
export async function start(
  t: Teardown,
  endpoints: readonly Endpoint[],
  changes: Partial<ManagementServerOptions> = {},
): Promise<Started> {
  const { authenticator, clock, token: newToken } = await secretAuthenticator(t);
  const token = await newToken();
  const told: Started['told'] = [];
  const server = createManagementServer({
    listen: { host: '127.0.0.1', port: 0 },
    endpoints,
    authenticate: authenticator satisfies Authenticator,
    maxBodyBytes: MAX_BODY,
    clock,
    onFailure: (error, requestId) => void told.push({ error, requestId }),
    ...changes,
  });
  const { port } = await server.listen();
  t.teardown(() => server.close());
  const url = `http://127.0.0.1:${port}`;
  const ask: Started['ask'] = (path, init = {}) =>
    fetch(url + path, { ...init, headers: { authorization: `Bearer ${token}`, ...(init.headers as object) } });
  const send: Started['send'] = (method, path, body, headers = {}) =>
    ask(path, { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } });
  const raw: Started['raw'] = (method, path, extra = '') =>
    `${method} ${path} HTTP/1.1\r\nHost: m.test\r\nAuthorization: Bearer ${token}\r\n${extra}\r\n`;
  return { server, port, url, clock, token, told, ask, send, raw };
}

/** A problem as it came. */
export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly request_id: string;
  readonly retry_after?: number;
  readonly errors?: readonly { pointer?: string; parameter?: string; header?: string; detail: string }[];
}

/** The problem in an answer. */
export async function problem(answer: Response | Promise<Response>): Promise<ProblemBody> {
  return (await (await answer).json()) as ProblemBody;
}
