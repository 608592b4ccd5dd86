/** Restrictions are parsed once for all changes that are tried out, and long lists in parts. */
import t from 'tap';
import { CompiledRestrictions } from '../../src/explain/compiled-restrictions.ts';
import { turnsUntil } from '../conformance/turns.ts';
import { keyRecord, view } from '../support/keys.ts';
import { setUp } from './fixture.ts';

const LONG = Array.from({ length: 2_500 }, (_, i) => `10.${i >> 8}.${i & 255}.0/25`);

t.test('what two situations have in common is parsed once, and of a longer list only what is new', async (t) => {
  const { world } = await setUp(t);
  const compiled = new CompiledRestrictions();
  const ip_restrictions = ['192.0.2.0/24', '198.51.100.1'];
  const restrictions = { ip_restrictions, user_agent_restrictions: ['a'], field_of_tomorrow: 1 };
  const first = await compiled.of(keyRecord({ restrictions }), world);
  t.strictSame(
    first.map(({ name }) => name),
    ['field_of_tomorrow', 'ip', 'user_agent'],
  );
  const wider = { ...restrictions, user_agent_restrictions: ['a', 'b'] };
  const second = await compiled.of(keyRecord({ restrictions: wider, shadow: ['ip'] }), world);
  t.strictSame([first[1]?.isShadow, second[1]?.isShadow], [false, true], 'another list of what is in shadow counts');
  const record = keyRecord({ restrictions });
  const before = await compiled.of(record, world);
  const after = await compiled.of({ ...record, restrictions: wider }, world);
  t.equal(after[0], before[0]);
  t.equal(after[1], before[1]);
  for (const [userAgent, passes] of [
    ['a', true],
    ['b', true],
    ['c', false],
  ] as const) {
    t.equal(after[2]?.test(view({ userAgent })) === null, passes, userAgent);
  }
});

t.test('a long list means what it means as a whole, and others get their turn while it is parsed', async (t) => {
  const { world } = await setUp(t);
  const record = (list: unknown) => keyRecord({ restrictions: { ip_restrictions: list } });
  const parsing = new CompiledRestrictions().of(record(LONG), world);
  const turns = await turnsUntil(parsing);
  t.ok(turns > 1, `${turns} turns`);
  const [ip] = await parsing;
  for (const i of [0, 999, 1_000, 1_999, 2_000, 2_499]) {
    const inside = `10.${i >> 8}.${i & 255}`;
    t.equal(ip?.test(view({ address: `${inside}.5` })), null, inside);
    t.match(ip?.test(view({ address: `${inside}.200` })), { code: 'ip_blocked' }, inside);
  }
  for (const unreadable of [[...LONG, 'x'], [...LONG, 1], Array.from({ length: 10_001 }, () => '192.0.2.1')]) {
    const [refusing] = await new CompiledRestrictions().of(record(unreadable), world);
    t.match(refusing?.test(view({ address: '10.0.0.5' })), { reason: /cannot be read/ });
  }
});
