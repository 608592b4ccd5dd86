import { z } from 'zod';
import { isWholeEmbedding, parseBlock, WHOLE_EMBEDDING } from '../core/address.ts';
import { isCountryCode, meantCountry } from '../core/country.ts';
import { didYouMean } from '../core/nearest.ts';
import { SHADOW_NAMES } from '../restrictions/index.ts';
import { choice, flag, Invalid, text, unexpected } from './fields.ts';
import { network } from './network-fields.ts';

const MAX_NETWORKS = 100_000;
const MAX_COUNTRIES = 300;

const mode = () =>
  choice(['enforce', 'shadow'])
    .describe('shadow: what it would refuse is counted and logged, and let through.')
    .prefault('enforce');

const COUNTRY_WHAT = 'an ISO 3166-1 alpha-2 code like NL';

function countryCode() {
  return text(COUNTRY_WHAT, (input) => {
    if (isCountryCode(input)) return input;
    const meant = meantCountry(input);
    const { message } = unexpected(COUNTRY_WHAT, input);
    return new Invalid(meant === null ? message : `${message}; did you mean "${meant}"?`);
  });
}

const SHADOW_WHAT = `one of ${SHADOW_NAMES.join(', ')}`;

function shadowName() {
  return text(SHADOW_WHAT, (input) => {
    if (SHADOW_NAMES.includes(input)) return input;
    return new Invalid(unexpected(SHADOW_WHAT, input).message + didYouMean(input, SHADOW_NAMES));
  });
}

/** A network that can be met. All of 2002::/16 or 64:ff9b::/96 cannot: to deny it would deny nobody, without a word. */
function clientNetwork() {
  return network().refine(meetsClients, { message: `this block ${WHOLE_EMBEDDING}` });
}

function meetsClients(input: string): boolean {
  const block = parseBlock(input);
  return block === null || !isWholeEmbedding(block);
}

const ipSchema = z
  .strictObject({
    allow: z
      .array(clientNetwork())
      .max(MAX_NETWORKS)
      .describe('Addresses and CIDRs that requests may come from; none: any.')
      .prefault([]),
    deny: z
      .array(clientNetwork())
      .max(MAX_NETWORKS)
      .describe('Addresses and CIDRs that requests may not come from; wins over allow.')
      .prefault([]),
    mode: mode(),
  })
  .describe('By the address of the client.')
  .prefault({})
  .transform((v) => ({ allow: v.allow, deny: v.deny, isShadow: v.mode === 'shadow' }));

const countrySchema = z
  .strictObject({
    block: z
      .array(countryCode())
      .max(MAX_COUNTRIES)
      .describe('Countries that requests may not come from. Needs country.database.')
      .prefault([]),
    block_unknown: flag().describe('Refuse addresses whose country is not known as well.').prefault(false),
    mode: mode(),
  })
  .describe('By the country of the client.')
  .prefault({})
  .transform((v) => ({ block: v.block, blockUnknown: v.block_unknown, isShadow: v.mode === 'shadow' }));

const torSchema = z
  .strictObject({
    block: flag().describe('Refuse the exits of Tor. Needs tor.list_url or tor.list_file.').prefault(false),
    mode: mode(),
  })
  .describe('By whether the client comes over Tor.')
  .prefault({})
  .transform((v) => ({ block: v.block, isShadow: v.mode === 'shadow' }));

export const restrictionsSchema = z
  .strictObject({
    ip: ipSchema,
    country: countrySchema,
    tor: torSchema,
    shadow: z
      .array(shadowName())
      .max(50)
      .describe(
        `Restrictions on keys that are counted and logged for every key, not enforced: ${SHADOW_NAMES.join(', ')}.`,
      )
      .prefault([]),
  })
  .describe('Who is refused whatever the key, on public routes too; and what is only tried out.')
  .prefault({});
