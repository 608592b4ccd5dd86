import type { KeyRecord, KeyRestrictions } from '../src/core/key.ts';
import { createSecretHasher } from '../src/keys/hasher.ts';
import { hintOf } from '../src/keys/secret.ts';

/** Restrictions that every request of a benchmark passes, and that must be looked at all the same. */
export const RESTRICTIONS: KeyRestrictions = {
  ip_restrictions: ['127.0.0.0/8', '10.0.0.0/8', '203.0.113.5', '2001:db8::/32'],
  time_restrictions: { timezone: 'Europe/Amsterdam', allowed_hours: ['00:00-24:00'], allowed_days: [] },
};

/** Every kind of them; passed from addresses in the Netherlands that are no exits of Tor. */
export const ALL_RESTRICTIONS: KeyRestrictions = {
  ip_restrictions: ['145.96.0.0/11', '10.0.0.0/8', '203.0.113.5', '2001:db8::/32'],
  country_restrictions: ['NL', 'BE', 'DE'],
  block_tor: true,
  time_restrictions: { timezone: 'Europe/Amsterdam', allowed_hours: ['00:00-24:00'], allowed_days: [] },
  user_agent_restrictions: ['curl/*', 'acme-sync/*'],
};

export const UNRESTRICTED: KeyRestrictions = {};

const hasher = createSecretHasher([]);
const DAY_MS = 86_400_000;

/** The key that a secret of a benchmark opens; of the tier `bench`. */
export function benchKey(secret: string, i: number, now: number, restrictions: KeyRestrictions): KeyRecord {
  return {
    id: `key_bench${i}`,
    name: `bench ${i}`,
    type: 'service',
    owner: 'bench',
    description: '',
    metadata: {},
    status: 'active',
    permissions: ['domains:*', 'devices:read'],
    preset: null,
    roles: [],
    tier: 'bench',
    limits: {},
    restrictions,
    shadow: [],
    secret: { digest: hasher.digest(secret), hint: hintOf(secret) },
    previous: null,
    sealedSecret: null,
    imported: false,
    createdAt: now,
    updatedAt: now,
    rotatedAt: null,
    expiresAt: now + DAY_MS,
    revokedAt: null,
    disabledBy: null,
    version: 1,
  };
}
