import { isDeepStrictEqual } from 'node:util';
import type { CompiledRestriction } from '../core/decision.ts';
import { compileGlobal, type GlobalRules } from '../restrictions/global.ts';
import { storedRestrictions, valueOf } from '../restrictions/index.ts';
import type { RestrictionKind } from '../restrictions/restriction.ts';
import { clipped, listed } from './bounded-text.ts';
import { type Candidate, waiting } from './candidates.ts';
import type { World } from './explanation.ts';
import type { Finding } from './findings.ts';
import { lackOf } from './place-facts.ts';
import { blocksAround, isMissingInAllow, kindOf } from './restriction-details.ts';
import type { PreparedSituation } from './situation.ts';

/** Restrict nothing. */
const NO_RULES: GlobalRules = {
  ip: { allow: [], deny: [], isShadow: false },
  country: { block: [], blockUnknown: false, isShadow: false },
  tor: { block: false, isShadow: false },
};

/** What could be changed so that a restriction of the key lets the request pass, the least first. */
export function restrictionCandidates(finding: Finding, prepared: PreparedSituation): Candidate[] {
  const kind = kindOf(finding);
  if (kind === null) return unknownCandidates(finding);
  const isUnreadable = finding.denial?.reason !== undefined;
  const wider = isUnreadable ? null : loosened(kind, prepared);
  const { text, value } = wider ?? {
    text: `lift ${kind.field}${isUnreadable ? ', or write it anew' : ''}`,
    value: kind.none,
  };
  return [
    ...openingCandidates(finding, prepared),
    ...(isUnreadable ? [] : sourceCandidates(kind.name, prepared)),
    { text, set: { [kind.field]: value }, apply: withRestriction(kind.field, value) },
  ];
}

/** What could be changed so that a restriction for all requests lets this one pass, the least first. */
export function globalCandidates({ restriction }: Finding, prepared: PreparedSituation): Candidate[] {
  const { situation, view } = prepared;
  const { address } = view;
  const { places, rules } = situation.world;
  switch (restriction?.name) {
    case 'ip': {
      const denied = blocksAround(address, rules.ip.deny);
      const isMissing = isMissingInAllow(address, rules);
      const text = [
        ...(denied.length === 0 ? [] : [`remove ${listed(denied)} from restrictions.ip.deny`]),
        ...(isMissing ? [`add ${address} to restrictions.ip.allow`] : []),
      ].join(' and ');
      const deny = rules.ip.deny.filter((entry) => !denied.includes(entry));
      const allow = isMissing ? [...rules.ip.allow, address] : rules.ip.allow;
      return [ruleCandidate(text, 'ip', { ip: { ...rules.ip, deny, allow } })];
    }
    case 'country': {
      const found = places.countryOf(address);
      const block = rules.country.block.filter((code) => code !== found);
      const [text, country] =
        found === null
          ? ['set restrictions.country.block_unknown to false', { ...rules.country, blockUnknown: false }]
          : [`take ${found} out of restrictions.country.block`, { ...rules.country, block }];
      return [...sourceCandidates('country', prepared), ruleCandidate(text, 'country', { country })];
    }
    case 'tor': {
      const tor = { ...rules.tor, block: false };
      const lifted = ruleCandidate('set restrictions.tor.block to false', 'tor', { tor });
      return [...sourceCandidates('tor', prepared), lifted];
    }
    default:
      return [];
  }
}

/** To have what a kind looks at. What would then be found nobody can say. */
function sourceCandidates(name: string, { situation }: PreparedSituation): Candidate[] {
  const lack = lackOf(name, situation.world);
  if (lack === null) return [];
  const found = ({ unknownHere, ...world }: World): World => ({
    ...world,
    unknownHere: new Set([...unknownHere, name]),
  });
  return [{ text: lack.remedy, set: null, apply: (from) => ({ ...from, world: found(from.world) }) }];
}

/** Another rule for all requests, of one kind. */
function ruleCandidate(text: string, name: keyof GlobalRules, changed: Partial<GlobalRules>): Candidate {
  let parsed: readonly CompiledRestriction[] | null = null;
  return {
    text,
    set: null,
    apply({ world, ...others }) {
      // The others are parsed already, and their lists may be long; so may this one, which is tried out twice.
      parsed ??= compileGlobal({ ...NO_RULES, ...changed }, world.places);
      const rule = parsed;
      const restrictions = world.restrictions.flatMap((each) => (each.name === name ? rule : [each]));
      return { ...others, world: { ...world, rules: { ...world.rules, ...changed }, restrictions } };
    },
  };
}

/** Only what wrote it knows what it means: it cannot be lifted by what does not. */
function unknownCandidates({ restriction }: Finding): Candidate[] {
  const field = restriction?.name ?? '';
  return [
    {
      text: `use a gateway of the version that wrote ${clipped(field)}`,
      set: null,
      apply: (situation) => {
        const { [field]: _unknown, ...known } = situation.record.restrictions;
        return { ...situation, record: { ...situation.record, restrictions: known } };
      },
    },
  ];
}

function openingCandidates({ denial }: Finding, { view, situation }: PreparedSituation): Candidate[] {
  const opening = denial?.facts.retry_at;
  if (opening === undefined) return [];
  return [waiting(`wait until ${opening}`, situation.waitMs + Date.parse(opening) - view.at)];
}

/** The least change of its value; null when there is none that may be written. */
function loosened(
  kind: RestrictionKind,
  { view, situation }: PreparedSituation,
): { text: string; value: unknown } | null {
  const { record, world } = situation;
  const before = valueOf(kind, record.restrictions);
  const value = kind.loosened(before, view, world.places);
  if (value === null || kind.faults(value).length > 0) return null;
  if (isDeepStrictEqual(value, kind.none)) return { text: `lift ${kind.field}`, value };
  if (!Array.isArray(value) || !Array.isArray(before)) {
    const wider = clipped(kind.text(value));
    return { text: `widen ${kind.field} to ${wider}; that lets in all requests then, not only this one`, value };
  }
  const known = new Set<unknown>(before);
  return { text: `add ${listed(value.filter((each) => !known.has(each)))} to ${kind.field}`, value };
}

/** Only this one is put into its stored form: the others are in it already, and may be long. */
function withRestriction(field: string, value: unknown): Candidate['apply'] {
  const stored = storedRestrictions({ [field]: value });
  return (situation) => {
    const { [field]: _before, ...others } = situation.record.restrictions;
    return { ...situation, record: { ...situation.record, restrictions: { ...others, ...stored } } };
  };
}
