import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';

const MAX_BODY_BYTES = 1_048_576;

export type JsonBody =
  | { readonly value: Readonly<Record<string, unknown>> }
  | { readonly fault: string; readonly status: number };

/** Reads a body that must be a JSON object of at most 1 MiB; the rest of one that is longer is read and thrown away. */
export async function readJson(request: IncomingMessage): Promise<JsonBody> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  if (size > MAX_BODY_BYTES) return { fault: 'body_too_large', status: 413 };
  const value = parseObject(Buffer.concat(chunks).toString('utf8'));
  return value === null ? { fault: 'body_is_not_a_json_object', status: 400 } : { value };
}

function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}

/** @param value null: no body */
export function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: OutgoingHttpHeaders = {},
): void {
  if (value === null) {
    response.writeHead(status, headers).end();
    return;
  }
  const body = JSON.stringify(value);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...headers,
  });
  response.end(body);
}
