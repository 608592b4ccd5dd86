import t from 'tap';
import type { Places } from '../../src/core/places.ts';
import { newSecret } from '../../src/keys/secret.ts';
import { compileGlobal, type GlobalRules } from '../../src/restrictions/global.ts';
import { NO_GLOBAL_RESTRICTIONS } from '../support/gateway.ts';
import type { Tap } from '../support/keys.ts';
import { BURST, type GateFixture, setUp as gateSetUp } from './fixture.ts';

const BAD = '203.0.113.66';
const GOOD = '198.51.100.1';
const PLACES: Places = {
  knowsCountries: true,
  knowsTor: true,
  countryOf: (address) => (address === BAD ? 'NL' : null),
  isTorExit: (address) => address === BAD,
};

/** By kind, rules that refuse one address. */
const RULES: Readonly<Record<string, (isShadow: boolean) => Partial<GlobalRules>>> = {
  ip_blocked: (isShadow) => ({ ip: { allow: [], deny: ['203.0.113.0/24'], isShadow } }),
  country_blocked: (isShadow) => ({ country: { block: ['NL'], blockUnknown: false, isShadow } }),
  tor_blocked: (isShadow) => ({ tor: { block: true, isShadow } }),
};

async function setUp(t: Tap, rules: Partial<GlobalRules>): Promise<GateFixture> {
  const fixture = await gateSetUp(t);
  Object.assign(fixture.gate, { restrictions: compileGlobal({ ...NO_GLOBAL_RESTRICTIONS, ...rules }, PLACES) });
  return fixture;
}

for (const [code, rules] of Object.entries(RULES)) {
  t.test(`${code}: who is not let in is told nothing of keys, and counts as no failed attempt`, async (t) => {
    const { ask, gate, issue, store } = await setUp(t, rules(false));
    const { secret } = await issue();
    const denials = [];
    for (const asked of [
      {},
      { secret: 'x' },
      { secret: newSecret('lk') },
      { secret },
      { authorization: 'Basic YTpi' },
    ]) {
      const { denial, key, lease } = await ask({ address: BAD, ...asked });
      t.strictSame([key, lease], [null, null]);
      denials.push(denial);
    }
    t.match(denials[0], { code });
    for (const denial of denials) t.equal(denial, denials[0], 'one answer, with whatever key');
    for (let i = 0; i < BURST; i++) await ask({ address: BAD, secret: newSecret('lk') });
    t.equal(gate.failures.blockedFor(BAD, gate.clock.now()), 0);
    t.equal(store.finds, 0, 'and no store is asked');
    t.match(await ask({ address: GOOD, secret }), { denial: null });
  });

  t.test(`${code} holds on public routes, and for what no route names`, async (t) => {
    const { code: codeOf } = await setUp(t, rules(false));
    t.equal(await codeOf({ address: BAD, path: '/status' }), code);
    t.equal(await codeOf({ address: BAD, path: '/nowhere' }), code);
    t.equal(await codeOf({ address: GOOD, path: '/status' }), null);
    t.equal(await codeOf({ address: GOOD, path: '/nowhere' }), 'key_missing');
  });

  t.test(`${code} in shadow refuses nobody, and is noted`, async (t) => {
    const { ask, issue } = await setUp(t, rules(true));
    const { secret } = await issue();
    t.match(await ask({ address: BAD, secret }), { denial: null, wouldDeny: [{ code }] });
    t.match(await ask({ address: BAD, path: '/status' }), { denial: null, wouldDeny: [{ code }] });
    t.match(await ask({ address: BAD, secret: 'x' }), { denial: { code: 'key_not_found' }, wouldDeny: [{ code }] });
    t.match(await ask({ address: GOOD, secret }), { denial: null, wouldDeny: null });
  });
}

t.test('rules and restrictions on the key are both asked, the rules first', async (t) => {
  const { ask, issue } = await setUp(t, {
    ip: { allow: [], deny: [BAD], isShadow: true },
    country: { block: ['NL'], blockUnknown: false, isShadow: true },
  });
  const restrictions = { ip_restrictions: [GOOD], user_agent_restrictions: ['acme/*'] };
  const shadowed = await issue({ restrictions, shadow: ['ip', 'user_agent'] });
  const codes = async (secret: string) => {
    const { denial, wouldDeny } = await ask({ address: BAD, secret });
    return [denial?.code ?? null, wouldDeny?.map(({ code }) => code)];
  };
  const noted = ['ip_blocked', 'country_blocked', 'ip_blocked', 'user_agent_blocked'];
  t.strictSame(await codes(shadowed.secret), [null, noted]);
  const enforced = await issue({ restrictions });
  t.strictSame(await codes(enforced.secret), ['ip_blocked', ['ip_blocked', 'country_blocked']]);
});

t.test('what is decided before anything is waited for is there at once', async (t) => {
  const { ask, store } = await setUp(t, { ip: { allow: [], deny: [BAD], isShadow: false } });
  store.down = true;
  t.match(ask({ address: BAD, secret: newSecret('lk') }), { denial: { code: 'ip_blocked' } });
  t.match(ask({ address: GOOD, secret: newSecret('lk') }), { denial: { code: 'key_store_unavailable' } });
});
