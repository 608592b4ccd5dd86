import t from 'tap';
import { NO_PLACES, type Places } from '../../src/core/places.ts';
import { compileRestrictions } from '../../src/restrictions/index.ts';
import { UNRESTRICTED, view } from '../support/keys.ts';

const PLACES: Places = {
  ...NO_PLACES,
  knowsCountries: true,
  knowsTor: true,
  countryOf: (address) => (address.startsWith('192.') ? 'NL' : 'DE'),
  isTorExit: (address) => address.endsWith('.9'),
};

t.test('a request meets the restrictions in one order: address, country, Tor, time', async (t) => {
  const restrictions = compileRestrictions(
    {
      ...UNRESTRICTED,
      ip_restrictions: ['192.0.2.0/24', '198.51.100.0/24'],
      country_restrictions: ['NL'],
      block_tor: true,
      time_restrictions: { timezone: 'UTC', allowed_hours: ['09:00-10:00'], allowed_days: [] },
    },
    PLACES,
  );
  const first = (address: string, at: string): string | null => {
    const request = view({ address, at: Date.parse(`2026-11-23T${at}Z`) });
    return restrictions.map((restriction) => restriction(request)?.code ?? null).find((code) => code !== null) ?? null;
  };
  t.equal(first('203.0.113.9', '12:00'), 'ip_blocked');
  t.equal(first('198.51.100.9', '12:00'), 'country_blocked');
  t.equal(first('192.0.2.9', '12:00'), 'tor_blocked');
  t.equal(first('192.0.2.1', '12:00'), 'outside_allowed_hours');
  t.equal(first('192.0.2.1', '09:30'), null);
});
