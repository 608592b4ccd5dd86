import { METHODS } from 'node:http';
import { canonicalTarget, isFault, type TargetRules } from '../core/target.ts';
import { clipped } from './bounded-text.ts';
import type { DescribedRequest } from './explanation.ts';

/** TRACE echoes what the gateway adds for the upstream alone; CONNECT asks for a tunnel. */
const REFUSED = new Set(['TRACE', 'CONNECT']);

/**
 * Reads a described request as the gateway reads one from the wire, before any check.
 *
 * @returns its canonical path, or why the gateway would refuse it
 */
export function readRequest(request: DescribedRequest, rules: TargetRules): { path: string } | { fault: string } {
  const { method, target } = request;
  // The gateway's parser knows these, as they are written, and no others.
  if (!METHODS.includes(method)) return { fault: `${JSON.stringify(clipped(method))} is no method that is read here` };
  if (REFUSED.has(method)) return { fault: `the method ${method} is not accepted` };
  const read = canonicalTarget(target, rules);
  return isFault(read) ? read : { path: read.path };
}
