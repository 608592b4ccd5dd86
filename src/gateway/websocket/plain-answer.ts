import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Decision } from '../../core/decision.ts';
import { isUndone, pushGatewayHeaders, relayedHead } from '../headers-client.ts';

/** The longest body of an answer to an upgrade that is passed on. */
export const MAX_BODY_BYTES = 64 * 1024;

/** An answer that is no 101, read whole. */
export interface PlainAnswer {
  readonly response: IncomingMessage;
  readonly body: Buffer;
}

/** Why an answer cannot be passed on: it did not end in time; or it is too long, cut short, coded, or a 101 that is none. */
export type Unusable = 'late' | 'invalid';

/**
 * Reads an upstream's answer to its end.
 * @param limitMs how long its body may take
 * @param done    told once
 */
export function readAnswer(
  response: IncomingMessage,
  limitMs: number,
  done: (answer: PlainAnswer | Unusable) => void,
): void {
  const pieces: Buffer[] = [];
  let length = 0;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    response.destroy();
  }, limitMs);
  response.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) response.destroy();
    else pieces.push(chunk);
  });
  response.on('error', () => undefined);
  response.once('close', () => {
    clearTimeout(timer);
    if (late) return done('late');
    const whole = response.complete && length <= MAX_BODY_BYTES && isPassable(response);
    done(whole ? { response, body: Buffer.concat(pieces) } : 'invalid');
  });
  if (!isPassable(response)) response.destroy();
}

/** Final, and its body under no coding that the client would not be told of. */
function isPassable({ statusCode, headers }: IncomingMessage): boolean {
  const coding = headers['transfer-encoding'];
  return (statusCode ?? 0) >= 200 && (coding === undefined || isUndone(coding));
}

/** The head under which an answer goes to the client. Its length is the one that was counted; the connection closes. */
export function answerHead({ response, body }: PlainAnswer, requestId: string, decision: Decision | null): string {
  const status = response.statusCode ?? 0;
  const { headers: relayed } = relayedHead(response.rawHeaders, true);
  const headers = [...relayed];
  if (status !== 204 && status !== 304) headers.push('Content-Length', String(body.length));
  pushGatewayHeaders(headers, requestId, decision);
  // RFC 9110 §15.5.22: a 426 must say what to.
  if (status === 426) headers.push('Upgrade', 'websocket', 'Connection', 'close, Upgrade');
  else headers.push('Connection', 'close');
  return headText(status, headers);
}

/** A status line and headers as they stand on the wire. */
export function headText(status: number, headers: readonly string[]): string {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
  for (let i = 0; i < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return `${text}\r\n`;
}
