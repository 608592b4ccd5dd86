import type { Decision } from '../core/decision.ts';
import { type Denial, deny } from '../core/denial.ts';
import type { FoundKey, Gate } from '../core/gate.ts';
import type { MaybePromise } from '../core/maybe.ts';
import { StoreError } from '../core/ports.ts';
import type { Check } from './check.ts';

/** Seconds after which a caller may expect a store that could not be asked to be back. */
const STORE_RETRY_SECONDS = 1;
/** RFC 6750 §2.1, with the case-insensitive scheme of RFC 9110 §11.1. */
const SCHEME = 'bearer ';
/** A longer secret than any real one is not looked at. */
const MAX_SECRET_LENGTH = 512;

const MISSING = deny('key_missing', 'Send an API key as "Authorization: Bearer <key>".');
const UNKNOWN = deny('key_not_found', 'Check that the key is complete and spelled correctly.');
const STORE_DOWN = deny(
  'key_store_unavailable',
  'The key store cannot be asked right now; this says nothing about your key.',
  {
    retry_after: STORE_RETRY_SECONDS,
  },
);

/**
 * Finds the key that the bearer secret opens. An address that failed too often is refused before its secret is looked
 * at, whether that is right or wrong, so that keys cannot be guessed at speed; only a key that the same address used
 * last still works, so that one bad client behind a shared address does not shut out the others.
 */
export const authenticate: Check = { name: 'authenticate', run };

function run(decision: Decision, gate: Gate): MaybePromise<Denial | null> {
  const { request } = decision;
  const secret = bearerSecret(request.header('authorization'));
  if (secret === '') return MISSING;
  const inMemory = secret.length > MAX_SECRET_LENGTH ? null : gate.keys.peek(secret);
  const wait = gate.failures.blockedFor(request.address, request.at);
  if (wait > 0 && (inMemory === null || gate.keys.lastAddress(secret) !== request.address)) {
    return tooManyFailures(wait);
  }
  if (inMemory !== undefined) return settle(inMemory, decision, gate);
  return findInStore(secret, decision, gate);
}

function findInStore(secret: string, decision: Decision, gate: Gate): MaybePromise<Denial | null> {
  try {
    const found = gate.keys.find(secret);
    if (!(found instanceof Promise)) return settle(found, decision, gate);
    return found.then(
      (key) => settle(key, decision, gate),
      (error: unknown) => storeDown(error),
    );
  } catch (error) {
    return storeDown(error);
  }
}

/** A store that cannot say is never the same as a key that is not known. */
function storeDown(error: unknown): Denial {
  if (!(error instanceof StoreError)) throw error;
  // One damaged record, or one of a newer version, is not an outage: only the log can say which it is.
  return error.code === 'STORE_CORRUPT' ? unreadable(error) : STORE_DOWN;
}

function unreadable({ message }: StoreError): Denial {
  return deny('key_store_unavailable', 'What is stored of this key cannot be read by this gateway.', {}, message);
}

function settle(found: FoundKey | null, decision: Decision, gate: Gate): Denial | null {
  if (found === null) return failed(decision, gate);
  decision.key = found.key;
  decision.previousSecret = found.previousSecret;
  return null;
}

function failed(decision: Decision, gate: Gate): Denial {
  gate.failures.record(decision.request.address, decision.request.at);
  return UNKNOWN;
}

function tooManyFailures(seconds: number): Denial {
  return deny('too_many_failures', `Too many requests from your address had a wrong key. Try again in ${seconds} s.`, {
    retry_after: seconds,
  });
}

/**
 * The secret in `Bearer <secret>`; '' when there is none. Credentials of another scheme are none (RFC 6750 §3.1): their
 * sender must be told what to send, and has not guessed at a key.
 */
function bearerSecret(credentials: string | undefined): string {
  if (credentials === undefined || credentials.length <= SCHEME.length) return '';
  if (!credentials.startsWith('Bearer ') && credentials.slice(0, SCHEME.length).toLowerCase() !== SCHEME) return '';
  return credentials.slice(SCHEME.length).trim();
}
