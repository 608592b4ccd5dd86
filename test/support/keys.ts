import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Clock } from '../../src/core/clock.ts';
import type { LoadedKey } from '../../src/core/decision.ts';
import type { KeyRecord, KeyRestrictions } from '../../src/core/key.ts';
import type { Limits } from '../../src/core/limits.ts';
import type { Store } from '../../src/core/ports.ts';
import type { RequestView } from '../../src/core/request.ts';
import { NO_ROLES } from '../../src/core/role.ts';
import { createSecretHasher, type SecretHasher } from '../../src/keys/hasher.ts';
import type { KeyCatalogue } from '../../src/keys/key-input.ts';
import { type LoadSettings, loadKey } from '../../src/keys/loader.ts';
import { hintOf, newSecret } from '../../src/keys/secret.ts';
import { openSqliteStore } from '../../src/stores/sqlite/index.ts';
import { NOON } from './clock.ts';

/** What a fixture needs of the test that it serves. */
export interface Tap {
  teardown(clean: () => unknown): void;
}

export const DAY = 86_400_000;
export const LIMITS: Limits = { perHour: 1_000, perDay: 10_000, burst: 100 };
export const UNRESTRICTED: KeyRestrictions = {};

export const CATALOGUE: KeyCatalogue & LoadSettings = {
  shadow: [],
  tiers: { personal: LIMITS, service: { perHour: 50_000, perDay: 500_000, burst: 5_000 } },
  presets: { read_only: ['domains:read', 'devices:read'] },
  roles: NO_ROLES,
  keyTypes: {
    personal: { tier: 'personal', defaultExpiryMs: 90 * DAY, maxExpiryMs: null, rotationDueMs: null },
    service: { tier: 'service', defaultExpiryMs: null, maxExpiryMs: null, rotationDueMs: 365 * DAY },
  },
  permissions: ['domains:read', 'domains:write', 'domains:delete', 'devices:read'],
};

export const HASHER: SecretHasher = createSecretHasher([]);

let serial = 0;

/** A record as stores keep it, valid unless the test says otherwise. */
export function keyRecord(given: Partial<KeyRecord> = {}): KeyRecord {
  const id = `key_${String(++serial).padStart(24, '0')}`;
  return {
    id,
    name: 'a key',
    type: 'personal',
    owner: 'somebody',
    description: '',
    metadata: {},
    status: 'active',
    permissions: [],
    preset: null,
    roles: [],
    tier: 'personal',
    limits: {},
    restrictions: UNRESTRICTED,
    shadow: [],
    secret: { digest: `sha256:${id}`, hint: '' },
    previous: null,
    sealedSecret: null,
    imported: false,
    createdAt: NOON,
    updatedAt: NOON,
    rotatedAt: null,
    expiresAt: null,
    revokedAt: null,
    disabledBy: null,
    version: 1,
    ...given,
  };
}

export function loadedKey(given: Partial<KeyRecord> = {}): LoadedKey {
  return loadKey(keyRecord(given), CATALOGUE);
}

/** A record and the secret that opens it. */
export function issuedKey(given: Partial<KeyRecord> = {}, hasher = HASHER): { record: KeyRecord; secret: string } {
  const secret = newSecret('lk');
  return { secret, record: keyRecord({ secret: { digest: hasher.digest(secret), hint: hintOf(secret) }, ...given }) };
}

/** Where the store of a test may be. */
export function sqlitePath(): string {
  return join(mkdtempSync(join(tmpdir(), 'latchkey-test-')), 'keys.db');
}

/** A real store in a folder of its own, gone when the test ends. */
export async function sqliteStore(t: Tap, clock: Clock, path = sqlitePath()): Promise<Store> {
  const store = await openSqliteStore({ path, timeoutMs: 10_000, clock });
  t.teardown(async () => {
    await store.close();
    rmSync(dirname(path), { recursive: true, force: true });
  });
  return store;
}

/** What a front hands to the checks. */
export function view(
  given: Partial<Omit<RequestView, 'header'>> & { authorization?: string; userAgent?: string } = {},
): RequestView {
  const { authorization, userAgent, ...rest } = given;
  const headers = new Map([
    ['authorization', authorization],
    ['user-agent', userAgent],
  ]);
  return {
    method: 'GET',
    path: '/',
    address: '203.0.113.7',
    at: NOON,
    ...rest,
    header: (name) => headers.get(name),
  };
}
