import { setImmediate } from 'node:timers/promises';
import type { CompiledRestriction } from '../core/decision.ts';
import type { KeyRecord, KeyRestrictions } from '../core/key.ts';
import { compileRestrictions } from '../restrictions/compile.ts';
import { RESTRICTIONS, restrictionFaults, unknownRestrictions } from '../restrictions/index.ts';
import type { World } from './explanation.ts';

/** Entries of a list that are parsed between two turns of the event loop: a millisecond or two. */
const MAX_PARSED = 1_000;

/** A field of a key, parsed. */
interface Parsed {
  readonly value: unknown;
  readonly restrictions: readonly CompiledRestriction[];
}

/**
 * Parses the restrictions of the situations of one explanation, each value once: whoever has a key may give it ten
 * thousand addresses, and each change that is tried out leaves nearly all of them as they were. Long lists are parsed a
 * part at a time, and others get their turn between two parts.
 */
export class CompiledRestrictions {
  /** By field. As many values as changes are tried out. */
  readonly #parsed = new Map<string, Parsed[]>();
  #shadows: readonly unknown[] = [];
  #places: World['places'] | null = null;

  /** As `compileRestrictions` would parse them. */
  async of({ restrictions, shadow }: KeyRecord, { settings, places }: World): Promise<CompiledRestriction[]> {
    this.#forgetUnlessSame([shadow, settings.shadow], places);
    const names = new Set([...shadow, ...settings.shadow]);
    const parse = (part: KeyRestrictions) => compileRestrictions(part, places, names);
    const known = RESTRICTIONS.map(({ field }) => field).filter((field) => Object.hasOwn(restrictions, field));
    const all: CompiledRestriction[] = [];
    for (const field of [...Object.keys(unknownRestrictions(restrictions)), ...known]) {
      all.push(...(await this.#parse(field, restrictions[field], parse)));
    }
    return all;
  }

  #forgetUnlessSame(shadows: readonly unknown[], places: World['places']): void {
    if (places === this.#places && shadows.every((each, i) => each === this.#shadows[i])) return;
    this.#parsed.clear();
    this.#shadows = shadows;
    this.#places = places;
  }

  async #parse(field: string, value: unknown, parse: (part: KeyRestrictions) => readonly CompiledRestriction[]) {
    const parsed = this.#parsed.get(field) ?? [];
    this.#parsed.set(field, parsed);
    const same = parsed.find((each) => each.value === value);
    if (same !== undefined) return same.restrictions;
    const whole = (): readonly CompiledRestriction[] => parse({ [field]: value });
    const restrictions = Array.isArray(value) ? await inParts(field, value, parsed, parse, whole) : whole();
    parsed.push({ value, restrictions });
    return restrictions;
  }
}

/** A list that begins with one that is parsed already, or is long: only what is new of it is parsed, part by part. */
async function inParts(
  field: string,
  list: readonly unknown[],
  parsed: readonly Parsed[],
  parse: (part: KeyRestrictions) => readonly CompiledRestriction[],
  whole: () => readonly CompiledRestriction[],
): Promise<readonly CompiledRestriction[]> {
  const begin = parsed.find(({ value, restrictions }) => restrictions.length === 1 && beginsWith(list, value));
  let at = Array.isArray(begin?.value) ? begin.value.length : 0;
  if (at === 0 && list.length <= MAX_PARSED) return whole();
  // What a candidate adds was looked at when it was proposed; a stored list may be anything.
  if (at === 0 && restrictionFaults({ [field]: list }).length > 0) return whole();
  let restrictions = begin?.restrictions ?? [];
  for (; at < list.length; at += MAX_PARSED) {
    await setImmediate();
    restrictions = either(restrictions, parse({ [field]: list.slice(at, at + MAX_PARSED) }));
  }
  return restrictions;
}

function beginsWith(list: readonly unknown[], begin: unknown): boolean {
  if (!Array.isArray(begin) || begin.length === 0 || begin.length >= list.length) return false;
  return begin.every((entry, i) => entry === list[i]);
}

/** Lists name what is let in: a longer one lets in what any part of it does. */
function either(
  [first]: readonly CompiledRestriction[],
  [second]: readonly CompiledRestriction[],
): readonly CompiledRestriction[] {
  if (first === undefined || second === undefined) return [first ?? second].filter((each) => each !== undefined);
  return [{ ...first, test: (request) => (first.test(request) === null ? null : second.test(request)) }];
}
