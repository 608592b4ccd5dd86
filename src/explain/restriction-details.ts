import type { AddressBlock } from '../core/address.ts';
import { parseBlock } from '../core/address.ts';
import { AddressSet } from '../core/address-set.ts';
import type { GlobalRules } from '../restrictions/global.ts';
import { RESTRICTIONS, valueOf } from '../restrictions/index.ts';
import type { RestrictionKind } from '../restrictions/restriction.ts';
import { clipped, listed } from './bounded-text.ts';
import type { Finding } from './findings.ts';
import { lackOf, unknownHereText } from './place-facts.ts';
import type { PreparedSituation } from './situation.ts';

/** The kind of the restriction that a finding is of; null: it is of none that this version knows. */
export function kindOf({ restriction, denial }: Finding): RestrictionKind | null {
  // What is not known goes by the name of its field, and that may be the name of a kind.
  if (restriction === null || denial?.code === 'restriction_unreadable') return null;
  return RESTRICTIONS.find((kind) => kind.name === restriction.name) ?? null;
}

/** What came of a restriction of the key. */
export function restrictionDetail(finding: Finding, { view, situation }: PreparedSituation): string {
  const { denial, restriction } = finding;
  const { record, world } = situation;
  const kind = kindOf(finding);
  if (denial?.reason !== undefined) return clipped(`refuses every request: ${denial.reason}`);
  const unsaid = unsaidText(finding);
  if (kind === null) return unsaid ?? denial?.detail ?? 'passed';
  const value = valueOf(kind, record.restrictions);
  if (unsaid !== null) return `${unsaid}; ${allowedBy(kind, value)}`;
  const seen = clipped(kind.seen(value, view, world.places));
  if (denial === null) return `${seen}; ${allowedBy(kind, value)}`;
  const lack = lackOf(kind.name, world);
  if (typeof value === 'boolean') return `${lack === null ? `${seen}, and ` : ''}${kind.field} is on${and(lack?.text)}`;
  if (lack !== null) return `${seen}${and(lack.text)}; ${allowedBy(kind, value)}`;
  // What has no name that could be on a list cannot be said to be missing there.
  if (Array.isArray(value) && kind.loosened(value, view, world.places) !== null) {
    return `${seen} is not in ${listed(value)}`;
  }
  const isTooLate = denial.facts.retry_at === undefined && restriction?.test(view)?.facts.retry_at !== undefined;
  return `${seen}; ${allowedBy(kind, value)}${isTooLate ? '; the key expires before its hours begin' : ''}`;
}

/** What came of a restriction that holds for every request. */
export function globalDetail(finding: Finding, { view, situation }: PreparedSituation): string {
  const unsaid = unsaidText(finding);
  if (unsaid !== null) return unsaid;
  const { denial } = finding;
  const { places, rules } = situation.world;
  const kind = kindOf(finding);
  if (kind === null) return denial?.detail ?? 'passed';
  const seen = clipped(kind.seen(kind.none, view, places));
  if (denial === null) return seen;
  const lack = and(lackOf(kind.name, situation.world)?.text);
  switch (kind.name) {
    case 'ip': {
      const denied = blocksAround(view.address, rules.ip.deny);
      const isNotAllowed = `${view.address} is not in restrictions.ip.allow`;
      return denied.length === 0 ? isNotAllowed : `${view.address} is in restrictions.ip.deny (${listed(denied)})`;
    }
    case 'country': {
      const isKnown = places.countryOf(view.address) !== null;
      if (isKnown) return `${seen} is in restrictions.country.block`;
      return `${seen}, and restrictions.country.block_unknown is on${lack}`;
    }
    case 'tor':
      return lack === '' ? `${seen}, and restrictions.tor.block is on` : `restrictions.tor.block is on${lack}`;
    default:
      return `${seen}: ${denial.detail}`;
  }
}

/** The entries of a rule for all requests that an address is in. */
export function blocksAround(address: string, entries: readonly string[]): string[] {
  const holds = (block: AddressBlock | null) => block !== null && new AddressSet([block]).hasText(address);
  return entries.filter((entry) => holds(parseBlock(entry)));
}

/** Whether the rules for all requests let in only listed addresses, and not this one. */
export function isMissingInAllow(address: string, { ip }: GlobalRules): boolean {
  return ip.allow.length > 0 && blocksAround(address, ip.allow).length === 0;
}

/** Why nothing can be said; null: all that was looked at is known. */
function unsaidText({ isUnknownHere, missed, restriction }: Finding): string | null {
  if (missed.length > 0) return `the ${missed.join(' and the ')} is not given`;
  return isUnknownHere ? unknownHereText(restriction?.name ?? '') : null;
}

function and(text: string | undefined): string {
  return text === undefined ? '' : `, and ${text}`;
}

function allowedBy(kind: RestrictionKind, value: unknown): string {
  if (typeof value === 'boolean') return `${kind.field} is on`;
  return `allowed: ${Array.isArray(value) ? listed(value) : clipped(kind.text(value))}`;
}
