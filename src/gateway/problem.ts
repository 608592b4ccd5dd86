import { STATUS_CODES } from 'node:http';
import type { Decision } from '../core/decision.ts';
import { DENIALS, type Denial } from '../core/denial.ts';
import { pushRateHeaders } from './rate-headers.ts';

/** A denial as it is answered: RFC 9457 problem+json and the headers that go with it. */
export interface Problem {
  readonly status: number;
  /** Names and values in turn; Content-Length among them, Connection not. */
  readonly headers: string[];
  readonly body: string;
}

/**
 * @param decision what the checks found before the denial; null when they did not begin
 * @param realm    of WWW-Authenticate; printable, without quotes
 */
export function problemOf(denial: Denial, requestId: string, realm: string, decision: Decision | null): Problem {
  const { status, title } = DENIALS[denial.code];
  const body = JSON.stringify({
    type: `urn:latchkey:error:${denial.code}`,
    title,
    status,
    detail: denial.detail,
    code: denial.code,
    request_id: requestId,
    ...denial.facts,
  });
  const headers = [
    'Content-Type',
    'application/problem+json',
    'Content-Length',
    String(Buffer.byteLength(body)),
    'Cache-Control',
    'no-store',
    'X-Request-Id',
    requestId,
  ];
  const challenge = challengeOf(denial, realm);
  if (challenge !== null) headers.push('WWW-Authenticate', challenge);
  const retryAfter = denial.facts.retry_after;
  if (retryAfter !== undefined) {
    headers.push('Retry-After', String(retryAfter));
    if (status === 429) headers.push('X-RateLimit-Retry-After', String(retryAfter));
  }
  if (decision !== null) pushRateHeaders(headers, decision);
  return { status, headers, body };
}

/** RFC 6750 §3: no error for a request without credentials, so that nothing is said of keys to one who sent none. */
function challengeOf(denial: Denial, realm: string): string | null {
  if (denial.code === 'key_missing') return `Bearer realm="${realm}"`;
  if (denial.code === 'permission_denied') {
    const scope = (denial.facts.required_permission ?? []).join(' ');
    return `Bearer realm="${realm}", error="insufficient_scope", scope="${scope}"`;
  }
  return DENIALS[denial.code].status === 401 ? `Bearer realm="${realm}", error="invalid_token"` : null;
}

/**
 * A problem as bytes for a connection that no ServerResponse stands for: one whose request could not be parsed, or whose
 * upgrade was refused. The connection must be closed after it.
 * @param at now, in milliseconds since the epoch
 */
export function problemBytes(problem: Problem, at: number): string {
  let text = `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}\r\n`;
  for (let i = 0; i < problem.headers.length; i += 2) text += `${problem.headers[i]}: ${problem.headers[i + 1]}\r\n`;
  return `${text}Date: ${new Date(at).toUTCString()}\r\nConnection: close\r\n\r\n${problem.body}`;
}
