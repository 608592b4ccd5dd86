import type { KeyRecord } from '../core/key.ts';
import type { Limits } from '../core/limits.ts';
import type { KeyUse } from '../core/usage.ts';
import { type RestrictionValues, restrictionValues } from '../restrictions/index.ts';
import type { KeyCatalogue } from './key-input.ts';
import { effectiveLimits, effectivePermissions } from './loader.ts';

export interface ShownLimits {
  readonly per_hour: number;
  readonly per_day: number;
  readonly burst: number;
}

/** A key as people and programs are shown it. Times are ISO 8601 in UTC; null: never, or not. */
export interface KeyView extends RestrictionValues {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly owner: string;
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** `expired` is told here; it is not stored. */
  readonly status: 'active' | 'disabled' | 'revoked' | 'expired';
  readonly hint: string;
  /** All that the key may do: its own permissions, its preset's and its roles', sorted. */
  readonly permissions: readonly string[];
  /** Those that it was given one by one. */
  readonly granted_permissions: readonly string[];
  readonly preset: string | null;
  readonly roles: readonly string[];
  readonly tier: string;
  readonly limits: ShownLimits;
  /** Those of the limits that are the key's own and not its tier's. */
  readonly limit_overrides: Partial<ShownLimits>;
  /** Kinds of restrictions, and `limits`, that are counted and logged, not enforced. */
  readonly shadow: readonly string[];
  readonly created_at: string;
  readonly updated_at: string;
  readonly expires_at: string | null;
  readonly last_used: string | null;
  readonly rotated_at: string | null;
  /** When the key's type asks for the next rotation. */
  readonly rotation_due_at: string | null;
  readonly revoked_at: string | null;
  /** The secret that the last rotation replaced, while its grace lasts. */
  readonly previous_secret: {
    readonly hint: string;
    readonly expires_at: string;
    readonly last_used: string | null;
  } | null;
  /** Whether the secret can be shown again. */
  readonly recoverable: boolean;
  readonly version: number;
}

/** ECMA-262: 100,000,000 days after the epoch. */
const MAX_DATE_MS = 8.64e15;

/** @param use null: when it was last used is not known */
export function viewOf(record: KeyRecord, use: KeyUse | null, catalogue: KeyCatalogue, now: number): KeyView {
  const { previous } = record;
  const due = catalogue.keyTypes[record.type]?.rotationDueMs ?? null;
  return {
    id: record.id,
    name: record.name,
    type: record.type,
    owner: record.owner,
    description: record.description,
    metadata: record.metadata,
    status: shownStatus(record, now),
    hint: record.secret.hint,
    permissions: effectivePermissions(record, catalogue),
    granted_permissions: record.permissions,
    preset: record.preset,
    roles: record.roles,
    tier: record.tier,
    limits: shownLimits(effectiveLimits(record, catalogue)),
    limit_overrides: shownOverrides(record.limits),
    ...restrictionValues(record.restrictions),
    shadow: record.shadow,
    created_at: isoOf(record.createdAt),
    updated_at: isoOf(record.updatedAt),
    expires_at: iso(record.expiresAt),
    last_used: iso(use?.lastUsedAt ?? null),
    rotated_at: iso(record.rotatedAt),
    rotation_due_at: due === null ? null : iso((record.rotatedAt ?? record.createdAt) + due),
    revoked_at: iso(record.revokedAt),
    previous_secret:
      previous === null || previous.expiresAt <= now
        ? null
        : {
            hint: previous.hint,
            expires_at: isoOf(previous.expiresAt),
            last_used: iso(usedSince(record.rotatedAt, use?.previousLastUsedAt ?? null)),
          },
    recoverable: record.sealedSecret !== null,
    version: record.version,
  };
}

/** A use before the last rotation was of the secret that an earlier one had replaced. */
function usedSince(rotatedAt: number | null, usedAt: number | null): number | null {
  return usedAt === null || usedAt < (rotatedAt ?? 0) ? null : usedAt;
}

function shownStatus(record: KeyRecord, now: number): KeyView['status'] {
  return record.status === 'active' && record.expiresAt !== null && record.expiresAt <= now ? 'expired' : record.status;
}

function shownLimits({ perHour, perDay, burst }: Limits): ShownLimits {
  return { per_hour: perHour, per_day: perDay, burst };
}

function shownOverrides({ perHour, perDay, burst }: Partial<Limits>): Partial<ShownLimits> {
  return {
    ...(perHour === undefined ? {} : { per_hour: perHour }),
    ...(perDay === undefined ? {} : { per_day: perDay }),
    ...(burst === undefined ? {} : { burst }),
  };
}

function iso(time: number | null): string | null {
  return time === null ? null : isoOf(time);
}

/** A stored time beyond what a Date can hold is shown as the last that it can: one odd key must not hide the others. */
function isoOf(time: number): string {
  return new Date(Math.min(time, MAX_DATE_MS)).toISOString();
}
