import type { Config } from '../../config/config.ts';
import type { CompiledRestriction } from '../../core/decision.ts';
import type { MaybePromise } from '../../core/maybe.ts';
import type { Places } from '../../core/places.ts';
import { RouteTable } from '../../core/route.ts';
import type { TargetRules } from '../../core/target.ts';
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

/** What requests are decided by besides their key: one configuration, parsed. */
export interface DecidingRules extends KnownPlaces {
  readonly routes: RouteTable;
  readonly targetRules: TargetRules;
  readonly restrictions: readonly CompiledRestriction[];
}

/** Parses a configuration when it is first asked for, and keeps that. */
export function decidingRules(config: Config, known: PlacesProvider): () => Promise<DecidingRules> {
  let parsed: Promise<DecidingRules> | null = null;
  return () => {
    parsed ??= parse(config, known);
    return parsed;
  };
}

async function parse({ access, proxy, restrictions }: Config, known: PlacesProvider): Promise<DecidingRules> {
  const { places, gaps } = await known();
  return {
    routes: new RouteTable(access),
    targetRules: { allowPathParameters: proxy.allowPathParameters },
    restrictions: compileGlobal(restrictions, places),
    places,
    gaps,
  };
}
