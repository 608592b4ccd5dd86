import { type Decision, noteShadow } from '../core/decision.ts';
import { type Denial, deny } from '../core/denial.ts';
import type { Gate } from '../core/gate.ts';
import type { Lease, LimitName } from '../core/limits.ts';
import type { MaybePromise } from '../core/maybe.ts';
import type { Check } from './check.ts';

/** What each limit counts by, for people. */
export const PER: Readonly<Record<LimitName, string>> = { burst: 'at once', hour: 'an hour', day: 'a day' };

/** Takes one admission from burst, hour and day together, or from none. */
export const limit: Check = { name: 'limit', run };

function run(decision: Decision, gate: Gate): MaybePromise<Denial | null> {
  const { key, request } = decision;
  if (key === null) throw new Error('limit must come after authenticate');
  key.recent.address = request.address;
  const lease = gate.limiter.admit(key);
  return lease instanceof Promise ? lease.then((settled) => judge(settled, decision)) : judge(lease, decision);
}

function judge(lease: Lease, decision: Decision): Denial | null {
  decision.lease = lease;
  if (lease.refusedBy === null) return null;
  const { perHour, perDay, burst } = decision.key?.limits ?? { perHour: 0, perDay: 0, burst: 0 };
  const allowed = { burst, hour: perHour, day: perDay }[lease.refusedBy];
  const seconds = Math.max(1, Math.ceil(lease.retryAfterMs / 1000));
  const denial = deny(
    'rate_limited',
    `This key may make ${allowed} ${allowed === 1 ? 'request' : 'requests'} ${PER[lease.refusedBy]}. Try again in ${seconds} s.`,
    {
      limit: lease.refusedBy,
      retry_after: seconds,
    },
  );
  return decision.key?.shadowsLimits ? noteShadow(decision, denial) : denial;
}
