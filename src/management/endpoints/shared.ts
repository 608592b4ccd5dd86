import { z } from 'zod';
import type { Caller } from '../caller.ts';
import type { ManagementClient } from '../client.ts';
import type { Reply } from '../endpoint.ts';
import { keyId } from '../schemas/common.ts';

/** What a caller may do, as a client of its own. */
export type ClientFor = (caller: Caller) => ManagementClient;

/** What is said of every change of a key. */
export const RECEIPT =
  'It is answered when every gateway has confirmed that it acts on it, or after a second; `propagation` names those that have not.';

/** Of paths like `/api-keys/{id}`. */
export const keyParams = z.strictObject({ id: keyId });

/** An answer that says which version it shows. */
export function versioned(answer: { readonly version: number }): Reply {
  return { status: 200, body: answer, version: answer.version };
}
