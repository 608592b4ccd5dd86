import type { Decision } from '../core/decision.ts';
import { type Denial, deny } from '../core/denial.ts';
import type { KeyRecord, PreviousSecret } from '../core/key.ts';
import type { Check } from './check.ts';

const REVOKED = deny('key_revoked', 'This key was revoked. Ask its owner for another.');
const DISABLED = deny('key_disabled', 'This key is disabled. Its owner can enable it again.');

/** Status, expiry and the end of a rotation's grace: compared with the clock on every request, cached key or not. */
export const keyStatus: Check = { name: 'key-status', run };

function run({ key, previousSecret, request }: Decision): Denial | null {
  if (key === null) throw new Error('keyStatus must come after authenticate');
  if (request.at < key.worksUntil && (!previousSecret || request.at < key.previousWorksUntil)) return null;
  return reasonOf(key.record, request.at);
}

/** Why a key, or its previous secret, does not work any more. */
function reasonOf(record: KeyRecord, at: number): Denial {
  const { status, expiresAt, previous } = record;
  if (status === 'revoked') return REVOKED;
  if (status === 'disabled') return DISABLED;
  return expiresAt !== null && at >= expiresAt ? expired(expiresAt) : replaced(previous);
}

function expired(expiresAt: number): Denial {
  return deny('key_expired', `This key expired at ${new Date(expiresAt).toISOString()}.`);
}

function replaced(previous: PreviousSecret | null): Denial {
  const when = previous === null ? '' : ` at ${new Date(previous.expiresAt).toISOString()}`;
  return deny('key_expired', `This secret was replaced by a rotation, and its grace ended${when}. Use the new one.`);
}
