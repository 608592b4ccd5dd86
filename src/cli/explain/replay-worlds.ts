import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../../config/config.ts';
import type { KeyRecord } from '../../core/key.ts';
import type { RolePermissions } from '../../core/role.ts';
import type { World } from '../../explain/explanation.ts';
import type { KeyCatalogue } from '../../keys/key-input.ts';
import { decidingRules, type KnownPlaces, worldOf } from '../../management/admin/deciding-rules.ts';
import { openLocalPlaces } from '../../wiring/local-places.ts';
import type { Management } from '../../wiring.ts';
import { changedRecord, type KeyChange } from './replay-change.ts';

interface Worlds {
  readonly today: World;
  /** null: nothing is proposed. */
  readonly proposed: World | null;
  /** The key as it would be; null: every key stays as it is. */
  readonly changed: KeyRecord | null;
  /** What gateways know of addresses and this machine does not, for people. */
  readonly gaps: readonly string[];
}

interface Proposal {
  /** In force. */
  readonly config: Config;
  /** null: no other configuration is proposed. */
  readonly proposed: Config | null;
  readonly keyId: string | null;
  /** What would be changed about that key; null: nothing. */
  readonly change: KeyChange | null;
}

/**
 * The world as it is, and as it is proposed to be.
 *
 * @throws KeyError when there is no such key, or it cannot be changed so; StoreError
 */
export async function openWorlds(
  { config, proposed, keyId, change }: Proposal,
  management: Management,
): Promise<Worlds> {
  const { keys, clock } = management;
  const { roles } = await keys.catalogue();
  const record = keyId === null ? null : await keys.get(keyId);
  const after = proposed ?? config;
  const changed =
    record === null || change === null ? null : changedRecord(record, change, catalogueOf(after, roles), clock.now());
  const known = await openLocalPlaces(config.places);
  const today = await worldIn(config, roles, known);
  if (proposed === null) {
    return { today, proposed: changed === null ? null : today, changed, gaps: textsOf(known) };
  }
  const isSame = isDeepStrictEqual(proposed.places, config.places);
  const knownAfter = isSame ? known : await openLocalPlaces(proposed.places);
  const gaps = [...new Set([...textsOf(known), ...textsOf(knownAfter)])];
  return { today, proposed: await worldIn(proposed, roles, knownAfter), changed, gaps };
}

async function worldIn(config: Config, roles: RolePermissions, known: KnownPlaces): Promise<World> {
  const { tiers, presets } = config;
  return worldOf(await decidingRules(config, () => known)(), { tiers, presets, roles });
}

/** What a key may refer to under a configuration. */
function catalogueOf({ access, keyTypes, presets, tiers }: Config, roles: RolePermissions): KeyCatalogue {
  return { tiers, presets, keyTypes, roles, permissions: Object.keys(access.permissions) };
}

function textsOf({ gaps }: KnownPlaces): string[] {
  return gaps.map(({ text }) => text);
}
