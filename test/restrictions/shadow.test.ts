import t from 'tap';
import type { Decision } from '../../src/core/decision.ts';
import type { KeyRecord, KeyRestrictions } from '../../src/core/key.ts';
import type { Places } from '../../src/core/places.ts';
import { loadKey } from '../../src/keys/loader.ts';
import { compileRestrictions } from '../../src/restrictions/compile.ts';
import { SHADOW_NAMES } from '../../src/restrictions/index.ts';
import { type Asked, type GateFixture, setUp as gateSetUp } from '../checks/fixture.ts';
import { CATALOGUE, type Tap, view } from '../support/keys.ts';

/** On which no request of these tests can be on any list. */
const PLACES: Places = { knowsCountries: true, knowsTor: true, countryOf: () => 'DE', isTorExit: () => true };

/** By kind, what refuses every request of these tests, and the code. NOON is a Sunday. */
const REFUSING: Readonly<Record<string, readonly [restrictions: KeyRestrictions, code: string]>> = {
  ip: [{ ip_restrictions: ['192.0.2.1'] }, 'ip_blocked'],
  country: [{ country_restrictions: ['NL'] }, 'country_blocked'],
  tor: [{ block_tor: true }, 'tor_blocked'],
  time: [
    { time_restrictions: { timezone: 'UTC', allowed_hours: [], allowed_days: ['monday'] } },
    'outside_allowed_hours',
  ],
  user_agent: [{ user_agent_restrictions: ['acme/*'] }, 'user_agent_blocked'],
};
const KINDS = Object.keys(REFUSING);
const ALL: KeyRestrictions = Object.assign({}, ...Object.values(REFUSING).map(([restrictions]) => restrictions));
const CODES = Object.values(REFUSING).map(([, code]) => code);

interface ShadowFixture extends GateFixture {
  /** The outcome as codes: of what is enforced, and of what is not. */
  verdict(asked: Asked): Promise<{ code: string | null; would: string[] | null }>;
  /** Puts kinds in shadow for every key, as a reload does. */
  reload(shadow: readonly string[]): void;
}

async function setUp(t: Tap): Promise<ShadowFixture> {
  const fixture = await gateSetUp(t);
  const reload = (shadow: readonly string[]): void =>
    fixture.directory.reload((record: KeyRecord) => loadKey(record, { ...CATALOGUE, shadow }, PLACES));
  reload([]);
  const verdict = async (asked: Asked) => {
    const { denial, wouldDeny }: Decision = await fixture.ask(asked);
    return { code: denial?.code ?? null, would: wouldDeny?.map(({ code }) => code) ?? null };
  };
  return { ...fixture, verdict, reload };
}

t.test('every kind, and limits, can be in shadow', async (t) => {
  t.strictSame(SHADOW_NAMES, [...KINDS, 'limits']);
});

for (const kind of KINDS) {
  const [restrictions, code] = REFUSING[kind] ?? [{}, ''];
  t.test(`${kind} in shadow lets pass what it would deny, and notes it`, async (t) => {
    const { issue, reload, verdict } = await setUp(t);
    const enforced = await issue({ restrictions });
    const shadowed = await issue({ restrictions, shadow: [kind] });
    const others = await issue({ restrictions, shadow: SHADOW_NAMES.filter((name) => name !== kind) });
    t.strictSame(await verdict({ secret: enforced.secret }), { code, would: null });
    t.strictSame(await verdict({ secret: shadowed.secret }), { code: null, would: [code] });
    t.strictSame(await verdict({ secret: others.secret }), { code, would: null }, 'the others in shadow');
    reload([kind]);
    t.strictSame(await verdict({ secret: enforced.secret }), { code: null, would: [code] }, 'for every key, in memory');
    reload([]);
    t.strictSame(await verdict({ secret: enforced.secret }), { code, would: null }, 'and enforced again');
    t.strictSame(await verdict({ secret: shadowed.secret }), { code: null, would: [code] });
  });
}

t.test('what would deny is noted in order, up to the first that denies', async (t) => {
  const { issue, verdict } = await setUp(t);
  const verdictOf = async (shadow: readonly string[], given: Partial<KeyRecord> = {}, path = '/api/whoami') =>
    verdict({ secret: (await issue({ restrictions: ALL, shadow, ...given })).secret, path });
  t.strictSame(await verdictOf(KINDS), { code: null, would: CODES });
  t.strictSame(await verdictOf(['ip', 'country']), { code: 'tor_blocked', would: ['ip_blocked', 'country_blocked'] });
  t.strictSame(await verdictOf(['user_agent', 'time']), { code: 'ip_blocked', would: null });
  const spent = { limits: { perHour: 1 } };
  t.strictSame(
    await verdictOf(KINDS, spent, '/nowhere'),
    { code: 'route_not_found', would: CODES },
    'nor is a check behind',
  );
  t.strictSame(await verdictOf(KINDS, {}, '/api/domains'), { code: 'permission_denied', would: CODES });
  t.strictSame(await verdictOf(KINDS, { status: 'disabled' }), { code: 'key_disabled', would: null });
});

t.test('what passes has nothing noted', async (t) => {
  const { ask, issue } = await setUp(t);
  const { secret } = await issue({ restrictions: { ip_restrictions: ['203.0.113.0/24'] }, shadow: SHADOW_NAMES });
  t.equal((await ask({ secret })).wouldDeny, null);
});

t.test('limits in shadow let pass what is beyond them, and count no more than they allow', async (t) => {
  const { ask, clock, issue, ledger } = await setUp(t);
  const { secret } = await issue({ limits: { perHour: 2, perDay: 3 }, shadow: ['limits'] });
  const remaining: number[][] = [];
  const codes: (string | undefined)[] = [];
  for (let i = 0; i < 4; i++) {
    const { denial, lease, wouldDeny } = await ask({ secret });
    t.equal(denial, null);
    codes.push(wouldDeny?.map(({ code }) => code).join());
    remaining.push([lease?.granted ?? -1, lease?.hourRemaining ?? -1, lease?.dayRemaining ?? -1]);
  }
  t.strictSame(codes, [undefined, undefined, 'rate_limited', 'rate_limited']);
  t.strictSame(remaining, [
    [1, 1, 2],
    [1, 0, 1],
    [0, 0, 1],
    [0, 0, 1],
  ]);
  t.equal(ledger.asked.length, 4);
  clock.advance(3_600_000);
  t.match(await ask({ secret }), { wouldDeny: null, lease: { granted: 1, dayRemaining: 0 } }, 'the day had one left');
  t.match((await ask({ secret })).wouldDeny, [{ code: 'rate_limited', facts: { limit: 'day' } }]);
});

t.test('limits are put in shadow for every key, and taken out, while keys are in memory', async (t) => {
  const { issue, reload, verdict } = await setUp(t);
  const { secret } = await issue({ limits: { perHour: 1 } });
  t.strictSame(await verdict({ secret }), { code: null, would: null });
  t.strictSame(await verdict({ secret }), { code: 'rate_limited', would: null });
  reload(['limits']);
  t.strictSame(await verdict({ secret }), { code: null, would: ['rate_limited'] });
  reload(['ip']);
  t.strictSame(await verdict({ secret }), { code: 'rate_limited', would: null });
});

t.test('restrictions and limits are noted together', async (t) => {
  const { issue, verdict } = await setUp(t);
  const { secret } = await issue({
    restrictions: REFUSING['ip']?.[0] ?? {},
    shadow: SHADOW_NAMES,
    limits: { burst: 1 },
  });
  t.strictSame(await verdict({ secret }), { code: null, would: ['ip_blocked'] });
  t.strictSame(await verdict({ secret }), { code: null, would: ['ip_blocked', 'rate_limited'] });
});

t.test('a name that is not known, as of a kind that a newer version has, puts nothing else in shadow', async (t) => {
  const compiled = compileRestrictions(ALL, PLACES, new Set(['device', '', 'IP', 'ip_restrictions']));
  t.strictSame(
    compiled.map(({ isShadow, test }) => [isShadow, test(view())?.code]),
    CODES.map((code) => [false, code]),
  );
});
