import t from 'tap';
import type { KeyRestrictions } from '../../src/core/key.ts';
import { NO_PLACES, type Places } from '../../src/core/places.ts';
import { compileRestrictions } from '../../src/restrictions/compile.ts';
import {
  RESTRICTIONS,
  restrictionFaults,
  restrictionValues,
  SHADOW_NAMES,
  storedRestrictions,
} from '../../src/restrictions/index.ts';
import { view } from '../support/keys.ts';
import { restricted } from './restricted.ts';

const PLACES: Places = {
  ...NO_PLACES,
  knowsCountries: true,
  knowsTor: true,
  countryOf: (address) => (address.startsWith('192.') ? 'NL' : 'DE'),
  isTorExit: (address) => address.endsWith('.9'),
};

const ALL: KeyRestrictions = {
  // Not in the order in which they are met.
  user_agent_restrictions: ['acme-sync/*'],
  time_restrictions: { timezone: 'UTC', allowed_hours: ['09:00-10:00'], allowed_days: [] },
  block_tor: true,
  country_restrictions: ['NL'],
  ip_restrictions: ['192.0.2.0/24', '198.51.100.0/24'],
};

t.test('a request meets the restrictions in one order: address, country, Tor, time, program', async (t) => {
  const denial = restricted(ALL, PLACES);
  const first = (address: string, at: string, userAgent = 'curl/8'): string | null =>
    denial(view({ address, at: Date.parse(`2026-11-23T${at}Z`), userAgent }))?.code ?? null;
  t.equal(first('203.0.113.9', '12:00'), 'ip_blocked');
  t.equal(first('198.51.100.9', '12:00'), 'country_blocked');
  t.equal(first('192.0.2.9', '12:00'), 'tor_blocked');
  t.equal(first('192.0.2.1', '12:00'), 'outside_allowed_hours');
  t.equal(first('192.0.2.1', '09:30'), 'user_agent_blocked');
  t.equal(first('192.0.2.1', '09:30', 'acme-sync/2.1'), null);
});

t.test('each kind has a name, a field and an option of its own, and a code that it denies with', async (t) => {
  const names = ['ip', 'country', 'tor', 'time', 'user_agent'];
  t.strictSame(
    RESTRICTIONS.map(({ name }) => name),
    names,
  );
  t.strictSame(SHADOW_NAMES, [...names, 'limits']);
  for (const own of ['name', 'field', 'code', 'label'] as const) {
    t.equal(new Set(RESTRICTIONS.map((kind) => kind[own])).size, RESTRICTIONS.length, own);
  }
  const options = RESTRICTIONS.map(({ option }) => option?.name).filter((name) => name !== undefined);
  t.equal(new Set(options).size, options.length);
});

t.test('what restricts nothing restricts nothing, has no fault, and is not stored', async (t) => {
  const none = restrictionValues({});
  t.strictSame(none, {
    ip_restrictions: [],
    country_restrictions: [],
    block_tor: false,
    time_restrictions: null,
    user_agent_restrictions: [],
  });
  for (const restrictions of [{}, { ...none }]) {
    t.strictSame(compileRestrictions(restrictions, NO_PLACES, new Set()), []);
    t.strictSame(restrictionFaults(restrictions), []);
    t.strictSame(storedRestrictions(restrictions), {});
  }
  t.strictSame(storedRestrictions({ ...none, ip_restrictions: ['::1'] }), { ip_restrictions: ['::1'] });
});

t.test('an entry that is given twice is stored once, where it stood first', async (t) => {
  const twice: KeyRestrictions = {
    ip_restrictions: ['192.0.2.1', '::1', '192.0.2.1'],
    country_restrictions: ['NL', 'BE', 'NL', 'NL'],
    time_restrictions: {
      timezone: 'UTC',
      allowed_hours: ['12:00-13:00', '09:00-10:00', '12:00-13:00'],
      allowed_days: ['monday', 'monday'],
    },
    user_agent_restrictions: ['a*', 'a*'],
    device_restrictions: ['x', 'x'],
  };
  t.strictSame(storedRestrictions(twice), {
    ip_restrictions: ['192.0.2.1', '::1'],
    country_restrictions: ['NL', 'BE'],
    time_restrictions: { timezone: 'UTC', allowed_hours: ['12:00-13:00', '09:00-10:00'], allowed_days: ['monday'] },
    user_agent_restrictions: ['a*'],
    device_restrictions: ['x', 'x'],
  });
  const unreadable = { time_restrictions: { except: ['x', 'x'] }, country_restrictions: { NL: [1, 1] } };
  t.strictSame(storedRestrictions(unreadable), unreadable, 'what is not understood stays as it is');
});

t.test('what a kind stores is read as it was, and what a caller may send fits', async (t) => {
  for (const kind of RESTRICTIONS) {
    const value = ALL[kind.field];
    t.strictSame(kind.stored.parse(JSON.parse(JSON.stringify(value))), value, kind.name);
    t.strictSame(kind.normal(kind.input.parse(value)), value, kind.name);
    t.strictSame(kind.stored.parse(kind.none), kind.none, kind.name);
    t.strictSame(kind.normal(kind.input.parse(kind.none)), kind.none, kind.name);
    t.not(kind.text(value), '', `${kind.name} is shown`);
  }
  t.match(
    RESTRICTIONS.map((kind) => kind.text(ALL[kind.field])),
    ['192.0.2.0/24, 198.51.100.0/24', 'NL', 'refused', '09:00-10:00 every day, UTC', 'acme-sync/*'],
  );
});
