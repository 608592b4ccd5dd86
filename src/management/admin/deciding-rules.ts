import type { Config } from '../../config/config.ts';
import type { MaybePromise } from '../../core/maybe.ts';
import type { Places } from '../../core/places.ts';
import { RouteTable } from '../../core/route.ts';
import type { World } from '../../explain/explanation.ts';
import type { Catalogue } from '../../keys/loader.ts';
import { compileGlobal } from '../../restrictions/global.ts';

/** What is known of addresses where requests are explained. */
export interface KnownPlaces {
  readonly places: Places;
  /** What a gateway knows and this process may not. */
  readonly gaps: readonly PlacesGap[];
}

export interface PlacesGap {
  /** The kind of restriction that looks at it: `country`, `tor`. */
  readonly restriction: string;
  /** For people: what is missing, and why. */
  readonly text: string;
}

/** Asked when a request is explained, and not before: to read a database takes a while. */
export type PlacesProvider = () => MaybePromise<KnownPlaces>;

/** What requests are decided by besides keys and roles: one configuration, parsed. */
export interface DecidingRules extends KnownPlaces, Omit<World, 'settings'> {
  /** What is in shadow for every key. */
  readonly shadow: readonly string[];
}

/** Parses a configuration when it is first asked for, and keeps that. */
export function decidingRules(config: Config, known: PlacesProvider): () => Promise<DecidingRules> {
  let parsed: Promise<DecidingRules> | null = null;
  return () => {
    parsed ??= parse(config, known);
    return parsed;
  };
}

/** All that a request is explained or replayed by, with the tiers, presets and roles that there are now. */
export function worldOf({ gaps: _gaps, shadow, ...rules }: DecidingRules, { tiers, presets, roles }: Catalogue): World {
  return { ...rules, settings: { tiers, presets, roles, shadow } };
}

async function parse({ access, places: sources, proxy, restrictions }: Config, known: PlacesProvider) {
  const { places, gaps } = await known();
  const { shadow, ...rules } = restrictions;
  return {
    routes: new RouteTable(access),
    targetRules: { allowPathParameters: proxy.allowPathParameters },
    rules,
    restrictions: compileGlobal(rules, places),
    shadow,
    places,
    configured: new Set([
      ...(sources.countryDatabase === null ? [] : ['country']),
      ...(sources.torList === null ? [] : ['tor']),
    ]),
    unknownHere: new Set(gaps.map(({ restriction }) => restriction)),
    gaps,
  };
}
