/** What holds for all requests, and what of the configuration is to be changed so that one passes. */
import t, { type Test } from 'tap';
import { NO_PLACES, type Places } from '../../src/core/places.ts';
import type { GlobalRules } from '../../src/restrictions/global.ts';
import { changesFor, type ExplainFixture, globally, NO_RULES, PLACES, setUp, stepOf } from './fixture.ts';

const SHADOW = { isShadow: false };
const FROM = '203.0.113.7';

interface Case {
  readonly rules: Partial<GlobalRules>;
  readonly step: 'ip' | 'country' | 'tor';
  readonly detail: string;
  readonly changes: readonly (readonly [text: string, suffices: boolean])[];
  readonly address?: string;
  readonly places?: Places;
  readonly configured?: ReadonlySet<string>;
}

async function check(t: Test, { why }: ExplainFixture, each: Case): Promise<void> {
  const { address = FROM, places = PLACES, configured = new Set<string>() } = each;
  const told = await why({}, { address }, { ...globally(each.rules, places), configured });
  const step = stepOf(told, each.step);
  t.match(step, { check: 'global-restrictions', verdict: 'denied', detail: each.detail }, each.detail);
  t.strictSame(
    changesFor(told, each.step),
    each.changes.map(([text, suffices]) => ({ text, set: null, suffices })),
    each.detail,
  );
}

t.test('the entry is named that refuses, and the change that lets the request in', async (t) => {
  const fixture = await setUp(t);
  const allow = ['10.0.0.0/8'];
  const cases: Case[] = [
    {
      rules: { ip: { allow: [], deny: ['192.0.2.1', '203.0.113.0/24'], ...SHADOW } },
      step: 'ip',
      detail: '203.0.113.7 is in restrictions.ip.deny (203.0.113.0/24)',
      changes: [['remove 203.0.113.0/24 from restrictions.ip.deny', true]],
    },
    {
      rules: { ip: { allow, deny: [], ...SHADOW } },
      step: 'ip',
      detail: '203.0.113.7 is not in restrictions.ip.allow',
      changes: [['add 203.0.113.7 to restrictions.ip.allow', true]],
    },
    {
      rules: { ip: { allow, deny: ['203.0.113.0/24', '203.0.113.7'], ...SHADOW } },
      step: 'ip',
      detail: '203.0.113.7 is in restrictions.ip.deny (203.0.113.0/24, 203.0.113.7)',
      changes: [
        [
          'remove 203.0.113.0/24, 203.0.113.7 from restrictions.ip.deny and add 203.0.113.7 to restrictions.ip.allow',
          true,
        ],
      ],
    },
    {
      rules: { country: { block: ['NL', 'DE'], blockUnknown: true, ...SHADOW } },
      step: 'country',
      detail: 'country DE is in restrictions.country.block',
      changes: [['take DE out of restrictions.country.block', true]],
    },
    {
      rules: { country: { block: ['NL'], blockUnknown: true, ...SHADOW } },
      address: '198.51.100.1',
      step: 'country',
      detail: 'country not known, and restrictions.country.block_unknown is on',
      changes: [['set restrictions.country.block_unknown to false', true]],
    },
    {
      rules: { tor: { block: true, ...SHADOW } },
      address: '203.0.113.9',
      step: 'tor',
      detail: 'an exit of Tor, and restrictions.tor.block is on',
      changes: [['set restrictions.tor.block to false', true]],
    },
  ];
  for (const each of cases) await check(t, fixture, each);
});

t.test('where the database or the list is missing, that is to be set', async (t) => {
  const fixture = await setUp(t);
  const places = NO_PLACES;
  await check(t, fixture, {
    rules: { country: { block: ['NL'], blockUnknown: true, ...SHADOW } },
    places,
    step: 'country',
    detail: 'country not known, and restrictions.country.block_unknown is on, and no country database is configured',
    changes: [
      ['set restrictions.country.block_unknown to false', true],
      ['set country.database', false],
    ],
  });
  const tor = { tor: { block: true, ...SHADOW } };
  await check(t, fixture, {
    rules: tor,
    places,
    step: 'tor',
    detail: 'restrictions.tor.block is on, and no Tor list is configured',
    changes: [
      ['set restrictions.tor.block to false', true],
      ['set tor.list_url', false],
    ],
  });
  await check(t, fixture, {
    rules: tor,
    places,
    configured: new Set(['tor']),
    step: 'tor',
    detail: 'restrictions.tor.block is on, and no Tor list was read yet',
    changes: [
      ['set restrictions.tor.block to false', true],
      ['wait until the Tor list is read', false],
    ],
  });
  const key = { restrictions: { block_tor: true, country_restrictions: ['NL'] } };
  const told = await fixture.why(key, {}, { places, configured: new Set() });
  t.equal(stepOf(told, 'tor').detail, 'block_tor is on, and no Tor list is configured');
  t.equal(stepOf(told, 'country').detail, 'country not known, and no country database is configured; allowed: NL');
  t.strictSame(
    told.changes.map(({ text }) => text),
    ['set country.database', 'lift country_restrictions', 'set tor.list_url', 'lift block_tor'],
  );
});

t.test('what passes them says what was seen, and several that refuse are mended together', async (t) => {
  const { why } = await setUp(t);
  const ip = { allow: [], deny: ['203.0.113.0/24'], ...SHADOW };
  const country = { block: ['DE'], blockUnknown: false, ...SHADOW };
  const both = await why({}, {}, globally({ ip, country }));
  t.match(both, { allowed: false, code: 'ip_blocked', togetherSuffice: true });
  t.strictSame(
    both.changes.map(({ suffices }) => suffices),
    [false, false],
  );
  const told = await why({}, { address: '192.0.2.1' }, globally({ ip, country }));
  t.equal(stepOf(told, 'ip').detail, 'address 192.0.2.1');
  t.equal(stepOf(told, 'country').detail, 'country NL');
  t.equal(stepOf(await why({}, {}, globally(NO_RULES)), 'global-restrictions').verdict, 'passed');
});
