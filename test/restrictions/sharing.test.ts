/** Keys that are restricted alike share what their restrictions were parsed into; no other keys do. */
import t from 'tap';
import type { KeyRestrictions } from '../../src/core/key.ts';
import { NO_PLACES } from '../../src/core/places.ts';
import { SharedValues } from '../../src/core/shared-values.ts';
import { compileRestrictions } from '../../src/restrictions/compile.ts';
import { view } from '../support/keys.ts';

const NOBODY: ReadonlySet<string> = new Set();
const HOURS = { timezone: 'Europe/Amsterdam', allowed_hours: ['00:00-24:00'], allowed_days: [] };

function compiled(restrictions: KeyRestrictions, shadow = NOBODY, places = NO_PLACES) {
  return compileRestrictions(restrictions, places, shadow);
}

t.test('the same restrictions are parsed once', async (t) => {
  const one = compiled({ ip_restrictions: ['192.0.2.0/24'], time_restrictions: HOURS });
  t.equal(compiled({ ip_restrictions: ['192.0.2.0/24'], time_restrictions: { ...HOURS } }), one);
  const other = compiled({ ip_restrictions: ['192.0.2.1'], time_restrictions: HOURS });
  t.not(other[0], one[0]);
  t.equal(other[1], one[1], 'what two keys have in common is shared by itself');
  t.equal(compiled({}), compiled({ ip_restrictions: [] }));
  for (const shared of [one, compiled({}), one[0]]) t.ok(Object.isFrozen(shared), 'nobody can change it for others');
});

t.test('addresses of one list are told apart whoever shares it', async (t) => {
  const lists = [['192.0.2.0/24'], ['192.0.2.0/24'], ['198.51.100.7']];
  const keys = lists.map((list) => compiled({ ip_restrictions: list }));
  for (const address of ['192.0.2.9', '198.51.100.7', '192.0.2.9', '203.0.113.1']) {
    const passes = keys.map(([ip]) => ip?.test(view({ address })) === null);
    const isIn = address.startsWith('192.0.2.');
    t.strictSame(passes, [isIn, isIn, address === '198.51.100.7'], address);
  }
});

t.test('what is enforced for one key is not in shadow for another', async (t) => {
  const restrictions = { ip_restrictions: ['192.0.2.0/24'] };
  const inShadow = compiled(restrictions, new Set(['ip']));
  t.strictSame([compiled(restrictions)[0]?.isShadow, inShadow[0]?.isShadow], [false, true]);
  t.equal(compiled(restrictions, new Set(['tor', 'ip'])), inShadow);
});

t.test('other places are looked at by others', async (t) => {
  const inNetherlands = { ...NO_PLACES, knowsCountries: true, countryOf: () => 'NL' };
  const inBelgium = { ...NO_PLACES, knowsCountries: true, countryOf: () => 'BE' };
  const restrictions = { country_restrictions: ['NL'] };
  const request = view({ address: '192.0.2.1' });
  t.equal(compiled(restrictions, NOBODY, inNetherlands)[0]?.test(request), null);
  t.match(compiled(restrictions, NOBODY, inBelgium)[0]?.test(request), { code: 'country_blocked' });
});

t.test('what cannot be read is never taken for something that can', async (t) => {
  const request = view({ address: '192.0.2.1' });
  for (const value of [undefined, null, 'x', ['x'], [undefined], { 0: '192.0.2.1' }, [['192.0.2.1']], Number.NaN]) {
    compiled({ ip_restrictions: ['192.0.2.1'] });
    const [refusing] = compiled({ ip_restrictions: value });
    t.match(
      refusing?.test(request),
      { code: 'ip_blocked', reason: /cannot be read/ },
      JSON.stringify(value) ?? 'undefined',
    );
    t.equal(compiled({ ip_restrictions: ['192.0.2.1'] })[0]?.test(request), null);
  }
  const [unknown, known] = compiled({ of_tomorrow: true, ip_restrictions: ['192.0.2.1'] });
  t.match(unknown?.test(request), { code: 'restriction_unreadable' });
  t.equal(known?.test(request), null);
  t.strictSame(
    compiled({ ip_restrictions: ['192.0.2.1'] }).map(({ name }) => name),
    ['ip'],
  );
});

t.test('what is shared has a bound', async (t) => {
  const values = new SharedValues<object>(2, 3);
  const make = () => ({});
  const a = values.of('a', make);
  const b = values.of('b', make);
  t.equal(values.of('a', make), a);
  t.equal(values.of('b', make), b);
  const c = values.of('c', make);
  t.equal(values.of('c', make), c);
  t.not(values.of('a', make), a, 'all are forgotten for a third');
  t.not(values.of('long', make), values.of('long', make));
});
