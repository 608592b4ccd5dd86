/** The one policy that both fronts keep, and keys for every way in which the checks can end. */
import type { Config } from '../../../src/config/config.ts';
import type { LoadedKey } from '../../../src/core/decision.ts';
import type { FoundKey, Gate } from '../../../src/core/gate.ts';
import { StoreError } from '../../../src/core/ports.ts';
import { config, lease, loadedKey, NOW, stubGate } from '../../support/gateway.ts';

/** Small, so that what goes beyond them is small too. */
export const LIMITS = { headBytes: 4096, headers: 24, targetBytes: 1000, bodyBytes: 100_000 } as const;

const KEYS: Readonly<Record<string, LoadedKey>> = {
  lk_test: loadedKey({ id: 'key_test' }),
  lk_reader: loadedKey({ id: 'key_reader', owner: 'Zoë, 100 %', permissions: ['things:read'] }),
  lk_writer: loadedKey({ id: 'key_writer', permissions: ['things:write', 'other:read'] }),
  lk_rotated: loadedKey({
    id: 'key_rotated',
    previous: { digest: 'sha256:y', hint: 'lk_…', expiresAt: NOW + 1 },
  }),
  lk_disabled: loadedKey({ id: 'key_disabled', status: 'disabled' }),
  lk_revoked: loadedKey({ id: 'key_revoked', status: 'revoked', revokedAt: 1 }),
  lk_expired: loadedKey({ id: 'key_expired', expiresAt: NOW - 1 }),
  lk_spent: loadedKey({ id: 'key_spent' }),
  lk_slow: loadedKey({ id: 'key_slow' }),
  lk_slow_limit: loadedKey({ id: 'key_slow_limit' }),
};

/** Secrets that a client may send; the last ones open nothing. */
export const SECRETS = [...Object.keys(KEYS), 'lk_down', 'lk_unknown'] as const;

async function later<T>(value: T): Promise<T> {
  await new Promise(setImmediate);
  return value;
}

/** A gate of its own for each gateway. Some of its answers come at once, some later, some not at all. */
export function gate(): Gate {
  const spent = lease({ granted: 0, refusedBy: 'burst', retryAfterMs: 1500, burstRemaining: 0 });
  const found = (secret: string): FoundKey | null => {
    const key = KEYS[secret];
    return key === undefined ? null : { key, previousSecret: secret === 'lk_rotated' };
  };
  return {
    ...stubGate(),
    keys: {
      peek: (secret) => (secret === 'lk_slow' || secret === 'lk_down' ? undefined : found(secret)),
      find: async (secret) => {
        // Never at once: node:http may let promises settle in the middle of a body that is there whole, or not.
        if (secret === 'lk_down') await later(null);
        if (secret === 'lk_down') throw new StoreError('STORE_UNAVAILABLE', 'down');
        return later(found(secret));
      },
      lastAddress: () => null,
    },
    limiter: {
      admit: ({ record: { id } }) => {
        if (id === 'key_spent') return spent;
        return id === 'key_slow_limit' ? later(lease()) : lease();
      },
    },
  };
}

/** @param upstreamUrl where the requests go */
export function policy(front: 'auto' | 'node', upstreamUrl: string): Config {
  return config(
    {
      front,
      trustedProxies: ['127.0.0.2'],
      maxHeaderBytes: LIMITS.headBytes,
      maxHeaders: LIMITS.headers,
      maxTargetBytes: LIMITS.targetBytes,
      maxBodyBytes: LIMITS.bodyBytes,
      allowOverrideHeaders: ['x-http-method-override'],
      // A case that hangs must be seen to hang, not be ended by a timeout.
      headTimeoutMs: 60_000,
      bodyIdleTimeoutMs: 60_000,
      keepAliveTimeoutMs: 60_000,
    },
    [{ url: upstreamUrl, headTimeoutMs: 60_000, bodyIdleTimeoutMs: 60_000, maxHeaderBytes: LIMITS.headBytes }],
    {
      public: ['* /public/*'],
      anyKey: ['* /any/*', 'GET /'],
      permissions: { 'things:read': ['GET /things/*'], 'things:write': ['POST /things', 'PUT /things/:id'] },
    },
  );
}
