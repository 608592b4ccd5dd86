import t from 'tap';
import type { Denial } from '../../src/core/denial.ts';
import { NO_PLACES, type Places } from '../../src/core/places.ts';
import { compileGlobal, type GlobalRules } from '../../src/restrictions/global.ts';
import { view } from '../support/keys.ts';

const NONE: GlobalRules = {
  ip: { allow: [], deny: [], isShadow: false },
  country: { block: [], blockUnknown: false, isShadow: false },
  tor: { block: false, isShadow: false },
};

const PLACES: Places = {
  knowsCountries: true,
  knowsTor: true,
  countryOf: (address) => ({ '192.0.2.1': 'NL', '192.0.2.2': 'DE' })[address] ?? null,
  isTorExit: (address) => address === '192.0.2.9',
};

/** What the rules say to an address. */
function rule(rules: Partial<GlobalRules>, places = PLACES): (address: string) => Denial | null {
  const compiled = compileGlobal({ ...NONE, ...rules }, places);
  return (address) => {
    for (const { test } of compiled) {
      const denial = test(view({ address }));
      if (denial !== null) return denial;
    }
    return null;
  };
}

function byAddress(allow: string[], deny: string[]): (address: string) => string | null {
  const denial = rule({ ip: { allow, deny, isShadow: false } });
  return (address) => denial(address)?.code ?? null;
}

t.test('rules that restrict nothing cost nothing', async (t) => {
  t.strictSame(compileGlobal(NONE, PLACES), []);
  t.strictSame(
    compileGlobal(
      { ...NONE, ip: { ...NONE.ip, isShadow: true }, country: { ...NONE.country, isShadow: true } },
      PLACES,
    ),
    [],
  );
});

t.test('an address that is denied is refused, whatever is allowed', async (t) => {
  const code = byAddress([], ['203.0.113.0/24', '2001:db8:bad::/48']);
  for (const address of ['203.0.113.0', '203.0.113.255', '2001:db8:bad::1'])
    t.equal(code(address), 'ip_blocked', address);
  for (const address of ['203.0.112.255', '203.0.114.0', '2001:db8:bad1::1', '::1'])
    t.equal(code(address), null, address);
  const both = byAddress(['10.0.0.0/8', '2001:db8::/32'], ['10.66.0.0/16', '2001:db8:bad::/48', '198.51.100.1']);
  for (const address of ['10.65.255.255', '10.67.0.0', '2001:db8::1']) t.equal(both(address), null, address);
  for (const address of ['10.66.0.1', '2001:db8:bad::1', '198.51.100.1']) t.equal(both(address), 'ip_blocked', address);
  t.equal(byAddress(['10.0.0.1'], ['10.0.0.0/8'])('10.0.0.1'), 'ip_blocked', 'the narrower one does not win');
});

t.test('with a list of those that are allowed, all others are refused', async (t) => {
  const code = byAddress(['10.0.0.0/8', '2001:db8::/32'], []);
  for (const address of ['10.0.0.0', '10.255.255.255', '2001:db8:ffff::1']) t.equal(code(address), null, address);
  for (const address of ['11.0.0.0', '2001:db9::', '::1', '', 'no address']) {
    t.equal(code(address), 'ip_blocked', JSON.stringify(address));
  }
});

t.test('an IPv4 address in the clothes of IPv6 is the address that it is', async (t) => {
  const denied = byAddress([], ['203.0.113.0/24']);
  const allowed = byAddress(['203.0.113.0/24'], []);
  for (const address of ['::ffff:203.0.113.7', '::ffff:cb00:7107', '64:ff9b::203.0.113.7', '2002:cb00:7107::1']) {
    t.equal(denied(address), 'ip_blocked', address);
    t.equal(allowed(address), null, address);
  }
  const written = byAddress([], ['::ffff:203.0.113.0/120', '64:ff9b::c633:6401']);
  for (const address of ['203.0.113.7', '198.51.100.1', '::ffff:198.51.100.1']) t.equal(written(address), 'ip_blocked');
  t.equal(written('203.0.114.7'), null);
});

t.test('the denials of addresses, countries and Tor do not speak of a key', async (t) => {
  const denials = [
    rule({ ip: { allow: [], deny: ['192.0.2.1'], isShadow: false } })('192.0.2.1'),
    rule({ country: { block: ['NL'], blockUnknown: true, isShadow: false } })('192.0.2.1'),
    rule({ country: { block: ['NL'], blockUnknown: true, isShadow: false } })('192.0.2.3'),
    rule({ tor: { block: true, isShadow: false } })('192.0.2.9'),
    rule({ tor: { block: true, isShadow: false } }, NO_PLACES)('192.0.2.9'),
  ];
  t.match(
    denials.map((denial) => denial?.code),
    ['ip_blocked', 'country_blocked', 'country_blocked', 'tor_blocked', 'tor_blocked'],
  );
  for (const denial of denials) t.notMatch(denial?.detail, /key/i);
  t.equal(new Set(denials.map((denial) => denial?.detail)).size, 5, 'and each says what it is about');
});

t.test('a country that is blocked is refused, and one that is not known when that is asked for', async (t) => {
  const open = rule({ country: { block: ['NL'], blockUnknown: false, isShadow: false } });
  t.equal(open('192.0.2.1')?.code, 'country_blocked');
  t.equal(open('192.0.2.2'), null);
  t.equal(open('192.0.2.3'), null, 'not known');
  const closed = rule({ country: { block: ['NL'], blockUnknown: true, isShadow: false } });
  t.equal(closed('192.0.2.2'), null);
  t.match(closed('192.0.2.3'), { code: 'country_blocked', detail: /does not know which one your address is in/ });
  const unknown = rule({ country: { block: [], blockUnknown: true, isShadow: false } });
  t.equal(unknown('192.0.2.1'), null);
  t.equal(unknown('192.0.2.3')?.code, 'country_blocked');
  t.equal(
    rule({ country: { block: [], blockUnknown: true, isShadow: false } }, NO_PLACES)('192.0.2.1')?.code,
    'country_blocked',
  );
});

t.test('what is known of countries and Tor is asked for each request', async (t) => {
  const known = new Map<string, string>();
  const exits = new Set<string>();
  const places: Places = {
    ...PLACES,
    countryOf: (address) => known.get(address) ?? null,
    isTorExit: (address) => exits.has(address),
  };
  const denial = rule(
    { country: { block: ['NL'], blockUnknown: false, isShadow: false }, tor: { block: true, isShadow: false } },
    places,
  );
  t.equal(denial('192.0.2.7'), null);
  exits.add('192.0.2.7');
  t.equal(denial('192.0.2.7')?.code, 'tor_blocked');
  known.set('192.0.2.7', 'NL');
  t.equal(denial('192.0.2.7')?.code, 'country_blocked');
});

t.test('the exits of Tor are refused, and everybody where nobody knows which these are', async (t) => {
  const denial = rule({ tor: { block: true, isShadow: false } });
  t.equal(denial('192.0.2.9')?.code, 'tor_blocked');
  t.equal(denial('192.0.2.1'), null);
  const blind = rule({ tor: { block: true, isShadow: false } }, NO_PLACES);
  t.match(blind('192.0.2.1'), { code: 'tor_blocked', detail: /cannot tell whether yours is one/ });
});

t.test('each rule is in shadow by itself', async (t) => {
  const all = (shadow: readonly string[]) =>
    compileGlobal(
      {
        ip: { allow: [], deny: ['192.0.2.1'], isShadow: shadow.includes('ip') },
        country: { block: ['NL'], blockUnknown: false, isShadow: shadow.includes('country') },
        tor: { block: true, isShadow: shadow.includes('tor') },
      },
      PLACES,
    );
  t.strictSame(
    all([]).map(({ name }) => name),
    ['ip', 'country', 'tor'],
    'in this order',
  );
  for (const shadow of [['ip'], ['country'], ['tor'], ['ip', 'tor']]) {
    const names = all(shadow).filter(({ isShadow }) => isShadow);
    t.strictSame(
      names.map(({ name }) => name),
      shadow,
    );
  }
});
