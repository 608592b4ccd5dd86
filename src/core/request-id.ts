import { randomFillSync } from 'node:crypto';

/** Bytes of randomness in an id: as many as make 20 characters. */
const ID_BYTES = 15;
const POOL_BYTES = ID_BYTES * 256;
const MAX_LENGTH = 128;
/** So many letters and digits in a row behind a `_` may be an API key, which must not come back in answers and logs. */
const SECRET_LENGTH = 40;

const pool = Buffer.alloc(POOL_BYTES);
let used = POOL_BYTES;

/** A new id. Randomness is drawn for many at a time: one call to the system for each would cost more than the id. */
export function newRequestId(): string {
  if (used === POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  used += ID_BYTES;
  return `req_${pool.toString('base64url', used - ID_BYTES, used)}`;
}

/**
 * The caller's id when it is one (1 to 128 letters, digits, `.`, `_`, `-`) and no secret, so that traces join up; else a
 * new one.
 */
export function requestIdFrom(sent: string): string {
  return isRequestId(sent) ? sent : newRequestId();
}

function isRequestId(text: string): boolean {
  const length = text.length;
  if (length === 0 || length > MAX_LENGTH) return false;
  /** Letters and digits since the last `_`; -1 where they do not follow one. */
  let run = -1;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    const isLetter = (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a);
    const isDigit = code >= 0x30 && code <= 0x39;
    if (isLetter || isDigit) {
      if (run >= 0 && ++run === SECRET_LENGTH) return false;
    } else if (code === 0x5f) run = 0;
    else if (code === 0x2e || code === 0x2d) run = -1;
    else return false;
  }
  return true;
}
