import t from 'tap';
import type { KeyRestrictions } from '../../src/core/key.ts';
import { NO_PLACES, type Places } from '../../src/core/places.ts';
import { compileRestrictions } from '../../src/restrictions/compile.ts';
import {
  explainPlaces,
  restrictionFaults,
  restrictionValues,
  SHADOW_NAMES,
  storedRestrictions,
  unknownRestrictions,
} from '../../src/restrictions/index.ts';
import { view } from '../support/keys.ts';

const HOURS = { timezone: 'UTC', allowed_hours: ['00:00-24:00'], allowed_days: [] };

/** By field, what no version of its kind that is known here has stored, the code it denies with, and what is said of it. */
const BROKEN: readonly [field: string, values: readonly unknown[], code: string][] = [
  ['ip_restrictions', ['0.0.0.0/0', null, {}, true, [1], ['0.0.0.0/0', null], [['0.0.0.0/0']]], 'ip_blocked'],
  ['ip_restrictions', [['0.0.0.0/0', 'country:NL'], ['0.0.0.0/33'], ['']], 'ip_blocked'],
  ['country_restrictions', ['NL', null, { NL: true }, [null], ['NL', 'nl'], ['NL', '!DE']], 'country_blocked'],
  ['block_tor', ['no', 0, 1, null, [], { exits: false }], 'tor_blocked'],
  ['time_restrictions', ['always', [], false, 0, {}, [HOURS]], 'outside_allowed_hours'],
  [
    'time_restrictions',
    [
      { timezone: 'UTC', allowed_hours: HOURS.allowed_hours },
      { ...HOURS, allowed_days: null },
      { ...HOURS, except: ['2027-01-01'] },
      { ...HOURS, timezone: 'Mars/Olympus_Mons' },
      { ...HOURS, allowed_hours: ['00:00-25:00'] },
      { timezone: 'UTC', allowed_hours: [], allowed_days: [] },
    ],
    'outside_allowed_hours',
  ],
  [
    'user_agent_restrictions',
    ['curl/*', null, [1], [''], { allow: ['curl/*'] }, ['curl/*', '*']],
    'user_agent_blocked',
  ],
  ['device_restrictions', [[], null, false, '', { model: 'x' }, 0], 'restriction_unreadable'],
  ['constructor', [[], null], 'restriction_unreadable'],
];

const EVERYWHERE: Places = {
  knowsCountries: true,
  knowsTor: true,
  countryOf: () => 'NL',
  isTorExit: () => false,
};
const REQUEST = view({ address: '203.0.113.7', userAgent: 'curl/8' });

function denials(restrictions: KeyRestrictions, shadow: readonly string[] = []) {
  return compileRestrictions(restrictions, EVERYWHERE, new Set(shadow)).flatMap(({ isShadow, test }) => {
    const denial = test(REQUEST);
    return denial === null ? [] : [{ isShadow, denial }];
  });
}

for (const [field, values, code] of BROKEN) {
  t.test(`${field} that cannot be read denies, in shadow too, and says why to the log alone`, async (t) => {
    for (const value of values) {
      const restrictions = JSON.parse(JSON.stringify({ [field]: value })) as KeyRestrictions;
      for (const shadow of [[], SHADOW_NAMES, [field]]) {
        const [found, ...more] = denials(restrictions, shadow);
        t.strictSame(more, []);
        t.match(found, { isShadow: false, denial: { code } }, JSON.stringify(value));
        t.equal(found?.denial.detail, 'A restriction on this key cannot be read by this gateway.');
        t.match(found?.denial.reason, field);
      }
    }
  });
}

t.test('the reason names the entry that cannot be read', async (t) => {
  const reasonOf = (restrictions: KeyRestrictions) => denials(restrictions)[0]?.denial.reason;
  t.match(
    reasonOf({ ip_restrictions: ['::1', '0.0.0.0/33'] }),
    /^cannot be read: ip_restrictions\[1\]: "0\.0\.0\.0\/33"/,
  );
  t.match(reasonOf({ ip_restrictions: ['::1', 5] }), /^cannot be read: ip_restrictions\[1\]: /);
  t.match(
    reasonOf({ time_restrictions: { ...HOURS, allowed_hours: ['x'] } }),
    /time_restrictions\.allowed_hours\[0\]: "x"/,
  );
  t.match(reasonOf({ time_restrictions: { ...HOURS, until: 1 } }), /time_restrictions: .*until/);
  t.equal(reasonOf({ device_restrictions: [] }), '"device_restrictions" is no restriction of this version');
});

t.test('one that cannot be read does not undo the others', async (t) => {
  const codes = denials({ device_restrictions: 1, ip_restrictions: ['10.0.0.0/8'], block_tor: 'x' }).map(
    ({ denial }) => denial.code,
  );
  t.strictSame(codes, ['restriction_unreadable', 'ip_blocked', 'tor_blocked']);
});

t.test('it is never taken for one that restricts nothing: it is kept, shown as it is, and has a fault', async (t) => {
  const restrictions = { ip_restrictions: 'x', block_tor: null, device_restrictions: [] };
  t.strictSame(storedRestrictions(restrictions), restrictions);
  t.match(restrictionValues(restrictions), { ip_restrictions: 'x', block_tor: null, country_restrictions: [] });
  t.strictSame(unknownRestrictions(restrictions), { device_restrictions: [] });
  t.match(restrictionFaults(restrictions), [
    /^ip_restrictions: /,
    /^block_tor: /,
    /^device_restrictions: is no restriction/,
  ]);
});

t.test('the name of a restriction that is not known is guessed at', async (t) => {
  t.strictSame(restrictionFaults({ ip_restriction: [], country_restrictons: [], blocktor: true }), [
    'ip_restriction: is no restriction; did you mean "ip_restrictions"?',
    'country_restrictons: is no restriction; did you mean "country_restrictions"?',
    'blocktor: is no restriction; did you mean "block_tor"?',
  ]);
});

t.test('whoever looks after the key is told that it opens nothing', async (t) => {
  t.strictSame(
    explainPlaces(
      { device_restrictions: [], country_restrictions: null, time_restrictions: 7 },
      NO_PLACES,
      new Set(SHADOW_NAMES),
    ),
    [
      'device_restrictions: cannot be read by this version, so every request with this key is refused',
      'country_restrictions: cannot be read by this version, so every request with this key is refused',
      'time_restrictions: cannot be read by this version, so every request with this key is refused',
    ],
  );
});
