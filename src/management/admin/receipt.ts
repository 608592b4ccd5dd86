import { setTimeout as delay } from 'node:timers/promises';
import type { GatewayProgress } from '../../core/gateways.ts';
import { StoreError } from '../../core/ports.ts';
import { mayRead } from '../caller.ts';
import type { Propagation } from '../schemas/receipt.ts';
import type { AdminContext } from './context.ts';

/** How long an answer waits for gateways that have not confirmed a change. */
const RECEIPT_TIMEOUT_MS = 1_000;
/** Between two looks at who has: the first pause, which doubles, and the longest. */
const MIN_PAUSE_MS = 1;
const MAX_PAUSE_MS = 25;

/**
 * Waits until every live gateway acts on all changes that were made until now, for RECEIPT_TIMEOUT_MS at most, and says who
 * does. It goes with a change that is durable already: whatever happens here, that one is made.
 *
 * @returns null when the store does not say
 */
export async function receipt(context: AdminContext): Promise<Propagation | null> {
  const { caller, clock, onChange, store } = context;
  const began = clock.now();
  const deadline = AbortSignal.timeout(RECEIPT_TIMEOUT_MS);
  try {
    const [{ cursor }] = await Promise.all([store.keys.changesSince(null), onChange()]);
    for (let pause = MIN_PAUSE_MS; ; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
      const gateways = await store.gateways.progress(cursor);
      const missing = gateways.filter(({ isThere }) => !isThere);
      if (missing.length === 0 || deadline.aborted) {
        return {
          acknowledged: gateways.length - missing.length,
          gateways: gateways.length,
          took_ms: Math.max(0, clock.now() - began),
          missing: missing.map((gateway) => shown(gateway, mayRead(caller))),
        };
      }
      await delay(pause);
    }
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return null;
  }
}

/** Names of machines are for those who look after all of them. */
function shown({ id, name, heardMsAgo }: GatewayProgress, withName: boolean): Propagation['missing'][number] {
  return { gateway: withName ? name : id, heard_ms_ago: heardMsAgo };
}
