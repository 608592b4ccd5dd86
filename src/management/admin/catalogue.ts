import { formatDuration } from '../../core/duration.ts';
import type { ManagementClient } from '../client.ts';
import type { AdminContext } from './context.ts';

type CatalogueMethods = Pick<ManagementClient, 'permissions' | 'presets' | 'tiers'>;

/** What keys can be given: anybody with a token may see it. */
export function catalogueMethods({ config }: AdminContext): CatalogueMethods {
  return {
    permissions: async () => ({
      permissions: byName(config.access.permissions).map(([permission, routes]) => ({
        permission,
        routes: [...routes],
      })),
    }),
    presets: async () => ({
      presets: byName(config.presets).map(([name, permissions]) => ({ name, permissions: [...permissions].sort() })),
    }),
    tiers: async () => ({
      tiers: byName(config.tiers).map(([name, { perHour, perDay, burst }]) => ({
        name,
        per_hour: perHour,
        per_day: perDay,
        burst,
      })),
      key_types: byName(config.keyTypes).map(([name, type]) => ({
        name,
        tier: type.tier,
        default_expiry: durationOf(type.defaultExpiryMs),
        max_expiry: durationOf(type.maxExpiryMs),
        rotation_due: durationOf(type.rotationDueMs),
      })),
    }),
  };
}

function byName<T>(entries: Readonly<Record<string, T>>): [string, T][] {
  return Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1));
}

function durationOf(ms: number | null): string | null {
  return ms === null ? null : formatDuration(ms);
}
