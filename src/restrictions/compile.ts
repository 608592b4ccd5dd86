import { isDeepStrictEqual } from 'node:util';
import type { CompiledRestriction } from '../core/decision.ts';
import type { KeyRestrictions } from '../core/key.ts';
import type { Places } from '../core/places.ts';
import { SharedValues } from '../core/shared-values.ts';
import { faultsOfField, RESTRICTIONS, unknownRestrictions, valueOf } from './index.ts';
import { denyUnreadable, type RestrictionKind, type RestrictionTest } from './restriction.ts';

/** What keys share that was parsed to look at the same places. */
class Shared {
  readonly restrictions = new SharedValues<CompiledRestriction>();
  readonly lists = new SharedValues<readonly CompiledRestriction[]>();
}

const sharedByPlaces = new WeakMap<Places, Shared>();

interface Parsed {
  readonly restriction: CompiledRestriction;
  /** All that it was made of but the places; null: it is not to be shared. */
  readonly text: string | null;
}

/**
 * Parses a key's restrictions, once, when the key is loaded. Keys that are restricted alike share what comes of it.
 *
 * @param places what the gateway knows of addresses; what it does not know is refused
 * @param shadow names of the kinds that are not enforced
 */
export function compileRestrictions(
  restrictions: KeyRestrictions,
  places: Places,
  shadow: ReadonlySet<string>,
): readonly CompiledRestriction[] {
  let shared = sharedByPlaces.get(places);
  if (shared === undefined) {
    shared = new Shared();
    sharedByPlaces.set(places, shared);
  }
  const parsed = Object.keys(unknownRestrictions(restrictions)).map(unknownRestriction);
  for (const kind of RESTRICTIONS) {
    const value = valueOf(kind, restrictions);
    if (!isDeepStrictEqual(value, kind.none)) parsed.push(parse(kind, value, places, shadow.has(kind.name), shared));
  }
  const list = parsed.map(({ restriction }) => restriction);
  const texts = parsed.map(({ text }) => text);
  return texts.includes(null) ? list : shared.lists.of(texts.join('\n'), () => Object.freeze(list));
}

function parse(kind: RestrictionKind, value: unknown, places: Places, isShadow: boolean, shared: Shared): Parsed {
  const [fault] = faultsOfField(kind.field, value);
  if (fault !== undefined) return enforced(kind.name, denyUnreadable(kind.code, `cannot be read: ${fault}`));
  // Of a value without faults, JSON says everything.
  const text = JSON.stringify([kind.name, isShadow, value]);
  const restriction = shared.restrictions.of(text, () => {
    return Object.freeze({ name: kind.name, isShadow, test: kind.compile(value, places) });
  });
  return { restriction, text };
}

/** What is not known to restrict something restricts everything. */
function unknownRestriction(field: string): Parsed {
  return enforced(field, denyUnreadable('restriction_unreadable', `"${field}" is no restriction of this version`));
}

function enforced(name: string, test: RestrictionTest): Parsed {
  return { restriction: { name, isShadow: false, test }, text: null };
}
