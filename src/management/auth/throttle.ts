import type { Clock } from '../../core/clock.ts';
import { createFailureThrottle } from '../../limits/failure-throttle.ts';
import { ManagementError } from '../failures.ts';
import type { Authenticator } from './authenticator.ts';
import type { TokenHolder } from './claims.ts';

/** Tokens that are not valid which one address may send in a row, and how many of them are forgiven each minute. */
const MAX_FAILURES = 20;
const FORGIVEN_PER_MINUTE = 20;
const MAX_ADDRESSES = 10_000;

/** As `Authenticator.authenticate`, for a caller at an address. */
export type Admit = (authorization: string | undefined, address: string) => Promise<TokenHolder>;

/**
 * Tells an address that keeps sending tokens which are not valid to wait. One that is valid is let in all the same:
 * behind a proxy all callers have one address, and a signature is not found by guessing.
 */
export function throttleFailures({ authenticate }: Pick<Authenticator, 'authenticate'>, clock: Clock): Admit {
  const failures = createFailureThrottle({
    burst: MAX_FAILURES,
    perMinute: FORGIVEN_PER_MINUTE,
    maxAddresses: MAX_ADDRESSES,
  });
  return async (authorization, address) => {
    try {
      return await authenticate(authorization);
    } catch (error) {
      if (!(error instanceof ManagementError) || error.code !== 'token_invalid') throw error;
      const now = clock.now();
      const wait = failures.blockedFor(address, now);
      failures.record(address, now);
      if (wait === 0) throw error;
      const detail = `Too many tokens from your address were not valid. Try again in ${wait} s.`;
      throw new ManagementError('too_many_failures', detail, [], wait, { cause: error });
    }
  };
}
