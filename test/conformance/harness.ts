import type { AuditEvent } from '../../src/core/audit.ts';
import type { KeyRecord } from '../../src/core/key.ts';
import type { LimitState } from '../../src/core/limits.ts';
import type { Store, StoreErrorCode } from '../../src/core/ports.ts';

/** What the suite needs to know about an adapter besides its port. */
export interface Harness {
  /** Opens the same store once more, as another process would. Closed by the harness when the suite ends. */
  open(): Promise<Store>;
  /** Writes a state of the limits as if the store had kept it; its times are the test's to choose. */
  seed(keyId: string, state: LimitState): Promise<void>;
  /** The state that the store keeps, or null. */
  stateOf(keyId: string): Promise<LimitState | null>;
  /** Overwrites the stored record of a key with this text. */
  damage(keyId: string, text: string): Promise<void>;
  /** Takes all changes out of the store's memory of them, as a restart without its data would. */
  forgetChanges(): Promise<void>;
  /** Overwrites the JSON of an audit entry, as someone with access to the data could. */
  tamperAudit(seq: number, json: string): Promise<void>;
  /** Takes an audit entry out of the data, and changes nothing else. */
  dropAudit(seq: number): Promise<void>;
  /** Makes all reports of gateways older by as much, as if they had said nothing since. */
  ageGateways(ms: number): Promise<void>;
  /** How many gateways the store holds something about, dead or alive. */
  gatewaysHeld(): Promise<number>;
  /** Admissions of one key that a killed process may take with it, besides the one whose answer nobody got. */
  readonly lostByKill: number;
  /** Where the store is, as JSON, for a process of its own that opens it. */
  readonly where: string;
}

let made = 0;

/** An id that no other test uses. */
export function newId(): string {
  made++;
  return `key_${process.pid}x${String(made).padStart(6, '0')}`;
}

/** A whole record, with a digest of its own. */
export function newRecord(change: Partial<KeyRecord> = {}): KeyRecord {
  const id = change.id ?? newId();
  return {
    id,
    name: 'a key',
    type: 'personal',
    owner: 'user_1',
    description: 'ünïcode and "quotes"',
    metadata: { team: 'billing' },
    status: 'active',
    permissions: ['domains:read'],
    preset: 'read_only',
    roles: ['on_call'],
    tier: 'personal',
    limits: { perHour: 5 },
    restrictions: {
      ip_restrictions: ['10.0.0.0/8'],
      country_restrictions: ['NL'],
      block_tor: true,
      time_restrictions: { timezone: 'Europe/Amsterdam', allowed_hours: ['09:00-17:00'], allowed_days: ['monday'] },
    },
    shadow: ['ip', 'limits'],
    secret: { digest: `sha256:${id}`, hint: 'lk_…abcd' },
    previous: null,
    sealedSecret: null,
    imported: false,
    createdAt: 1_700_000_000_000,
    updatedAt: 1_700_000_000_000,
    rotatedAt: null,
    expiresAt: 1_900_000_000_000,
    revokedAt: null,
    disabledBy: null,
    version: 1,
    ...change,
  };
}

/** A management action that no other test tells of. */
export function newEvent(change: Partial<AuditEvent> = {}): AuditEvent {
  return {
    at: 1_700_000_000_000,
    actor: 'somebody',
    from: '203.0.113.7',
    action: 'key.create',
    target: newId(),
    before: null,
    after: { name: 'ünïcode, "quotes" \u2028 \ud800', count: 1, list: [true, null] },
    requestId: newId(),
    ...change,
  };
}

/** For `t.rejects`: a StoreError with this code. */
export function storeError(code: StoreErrorCode): { name: string; code: string } {
  return { name: 'StoreError', code };
}
