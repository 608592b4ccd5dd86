import type { AuditList, AuditQueryInput } from './schemas/audit.ts';
import type { BulkChange, BulkResult } from './schemas/bulk.ts';
import type {
  PermissionList,
  PresetList,
  RoleAnswer,
  RoleCreate,
  RoleList,
  RoleUpdate,
  TierList,
} from './schemas/catalogue.ts';
import type { ExplainRequest, ExplanationAnswer } from './schemas/explain.ts';
import type {
  KeyAnswer,
  KeyChanged,
  KeyCreate,
  KeyDeleted,
  KeyIssued,
  KeyList,
  KeyListQuery,
  KeyRotate,
  KeyRotated,
  KeySecret,
  KeySwitched,
  KeyUpdate,
} from './schemas/key.ts';
import type {
  KeyUsageAnswer,
  LogEntry,
  LogList,
  LogQueryInput,
  OwnerUsageAnswer,
  TotalUsageAnswer,
  UsageQuery,
} from './schemas/usage.ts';

/** Versions that a change may meet; absent or null: any. */
export interface Versioned {
  readonly ifMatch?: readonly number[] | null;
}

export interface Idempotent {
  readonly idempotencyKey?: string | null;
}

/** A logged request, and where to go on from after it without missing any; null: from the beginning. */
export interface FollowedEntry {
  readonly position: string | null;
  readonly entry: LogEntry;
}

/**
 * Everything that can be managed, as one caller may do it, in the shapes of the REST API. There are two: one works on the
 * store (administration.ts), the other asks a gateway over HTTP (remote-client.ts). Both throw a ManagementError or a
 * KeyError that says what is wrong with what was given, and a StoreError when the store fails.
 */
export interface ManagementClient {
  createKey(body: KeyCreate, options?: Idempotent): Promise<KeyIssued>;
  listKeys(query: KeyListQuery): Promise<KeyList>;
  getKey(id: string): Promise<KeyAnswer>;
  updateKey(id: string, body: KeyUpdate, options?: Versioned): Promise<KeyChanged>;
  rotateKey(id: string, body: KeyRotate, options?: Versioned): Promise<KeyRotated>;
  enableKey(id: string, options?: Versioned): Promise<KeySwitched>;
  disableKey(id: string, options?: Versioned): Promise<KeySwitched>;
  revokeKey(id: string, options?: Versioned): Promise<KeySwitched>;
  deleteKey(id: string, options?: Versioned): Promise<KeyDeleted>;
  keySecret(id: string): Promise<KeySecret>;
  bulkChange(body: BulkChange): Promise<BulkResult>;

  keyUsage(id: string, query: UsageQuery): Promise<KeyUsageAnswer>;
  ownerUsage(owner: string, query: UsageQuery): Promise<OwnerUsageAnswer>;
  totalUsage(query: UsageQuery): Promise<TotalUsageAnswer>;
  keyLogs(id: string, query: LogQueryInput): Promise<LogList>;
  /** Entries as they come, until `signal` is aborted; null now and then while there is none. @param after a position */
  followLogs(
    id: string,
    query: LogQueryInput,
    signal: AbortSignal,
    after?: string,
  ): AsyncIterable<FollowedEntry | null>;

  /** Why a request passes or not; changes nothing, and spends nothing. */
  explain(body: ExplainRequest): Promise<ExplanationAnswer>;

  permissions(): Promise<PermissionList>;
  presets(): Promise<PresetList>;
  tiers(): Promise<TierList>;
  listRoles(): Promise<RoleList>;
  getRole(name: string): Promise<RoleAnswer>;
  createRole(body: RoleCreate): Promise<RoleAnswer>;
  updateRole(name: string, body: RoleUpdate, options?: Versioned): Promise<RoleAnswer>;
  deleteRole(name: string, options?: Versioned): Promise<void>;

  auditLogs(query: AuditQueryInput): Promise<AuditList>;
}
