import type { IncomingMessage, ServerResponse } from 'node:http';
import { MIMEType } from 'node:util';
import { formatSize } from '../core/size.ts';
import { type FailureCode, ManagementError } from './failures.ts';
import { jsonFault, placeIn } from './json-scan.ts';

const JSON_TYPE = 'application/json';
const UTF_8 = new Set(['utf-8', 'utf8']);

/** Whether the head of a request announces a body. */
export function announcesBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/**
 * Reads the body of a request.
 *
 * @param response its answer: a client that waits for `100 Continue` gets it now, when its body is wanted
 * @throws ManagementError body_too_large, as soon as that is known; ClientGone when the client left
 */
export async function readBody(request: IncomingMessage, response: ServerResponse, max: number): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > max) throw tooLarge(max);
  if (request.headers.expect !== undefined) response.writeContinue();
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let length = 0;
    request.on('data', (piece: Buffer) => {
      length += piece.length;
      if (length <= max) pieces.push(piece);
      else reject(tooLarge(max));
    });
    request.on('end', () => resolve(Buffer.concat(pieces)));
    request.on('error', () => reject(new ClientGone()));
    request.on('close', () => reject(new ClientGone()));
  });
}

/** There is nobody to answer. */
export class ClientGone extends Error {}

/**
 * What a body says.
 *
 * @throws ManagementError unsupported_media_type or body_malformed
 */
export function parseBody(bytes: Buffer, { headers }: IncomingMessage): unknown {
  checkType(headers['content-type'], headers['content-encoding']);
  const text = textOf(bytes);
  const fault = jsonFault(text);
  if (fault !== null) throw malformed(`At ${placeIn(text, fault.at)}: found ${fault.found}.`);
  return JSON.parse(text) as unknown;
}

function checkType(type: string | undefined, encoding: string | undefined): void {
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw unsupported('Content-Encoding', 'Send the body as it is, without a Content-Encoding.');
  }
  const parsed = type === undefined ? null : mimeType(type);
  if (parsed?.essence !== JSON_TYPE) {
    throw unsupported('Content-Type', `Send the body with "Content-Type: ${JSON_TYPE}".`);
  }
  if (!UTF_8.has((parsed.params.get('charset') ?? 'utf-8').toLowerCase())) {
    throw unsupported('Content-Type', 'Send the body in UTF-8, the only charset that JSON has.');
  }
}

function mimeType(text: string): MIMEType | null {
  try {
    return new MIMEType(text);
  } catch {
    return null;
  }
}

/** A byte order mark, which some programs put there, is no part of it (RFC 8259 §8.1). */
function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw malformed('The body is not UTF-8.');
  }
}

function tooLarge(max: number): ManagementError {
  return new ManagementError('body_too_large', `The body may have ${formatSize(max)}.`);
}

function malformed(detail: string): ManagementError {
  return new ManagementError('body_malformed', detail);
}

function unsupported(header: string, detail: string): ManagementError {
  const code: FailureCode = 'unsupported_media_type';
  return new ManagementError(code, detail, [{ header, detail }]);
}
