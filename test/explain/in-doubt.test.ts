import t from 'tap';
import { deny } from '../../src/core/denial.ts';
import { NO_PLACES } from '../../src/core/places.ts';
import type { RequestView } from '../../src/core/request.ts';
import type { World } from '../../src/explain/explanation.ts';
import { keyRecord, LIMITS } from '../support/keys.ts';
import { changesFor, globally, setUp, stepOf } from './fixture.ts';

t.test('without an address, what looks at it is not known; what does not is', async (t) => {
  const { why } = await setUp(t);
  const restrictions = { ip_restrictions: ['10.0.0.0/8'], country_restrictions: ['NL'], block_tor: true };
  const told = await why({ restrictions }, { address: null });
  t.match(told, { allowed: null, code: null, changes: [] });
  for (const name of ['ip', 'country', 'tor']) {
    t.match(stepOf(told, name), { verdict: 'unknown', code: null, detail: /^the address is not given/ });
  }
  t.match(
    await why({ restrictions, status: 'disabled' }, { address: null }),
    { allowed: false, code: 'key_disabled', changes: [{ suffices: false }], togetherSuffice: false },
    'nobody knows whether it would be enough to enable the key',
  );
  t.match(await why({}, { address: null }), { allowed: true });
  const tor = { block: true, isShadow: false };
  t.match(await why({}, { address: null }, globally({ tor })), { allowed: null });
  const shadowed = await why({ restrictions, shadow: ['country', 'ip', 'tor'] }, { address: null });
  t.match(shadowed, { allowed: true }, 'what is in shadow does not decide');
  t.equal(stepOf(shadowed, 'ip').verdict, 'unknown');
});

t.test('without a User-Agent that was given; and one that is given as none', async (t) => {
  const { why } = await setUp(t);
  const restrictions = { user_agent_restrictions: ['acme/*'] };
  t.match(await why({ restrictions }, { userAgent: null }), { allowed: null, code: null });
  const none = await why({ restrictions }, { userAgent: '' });
  t.match(none, { allowed: false, code: 'user_agent_blocked' });
  t.equal(stepOf(none, 'user_agent').detail, 'User-Agent ""; allowed: acme/*');
});

/** A restriction for all requests that looks at a header of its own. */
function lookingAt(header: string, isShadow = false): Pick<World, 'restrictions'> {
  const denial = deny('user_agent_blocked', 'No.');
  const test = (request: RequestView) => (request.header(header) === 'yes' ? null : denial);
  return { restrictions: [{ name: 'device', isShadow, test }] };
}

t.test('no other header is ever given: what looks at one is not known', async (t) => {
  const { why } = await setUp(t);
  const told = await why({}, {}, lookingAt('x-device'));
  t.match(told, { allowed: null, code: null });
  t.match(stepOf(told, 'device'), { verdict: 'unknown', code: null, detail: 'the header x-device is not given' });
  t.match(await why({}, {}, lookingAt('x-device', true)), { allowed: true });
  t.match(await why({}, {}, lookingAt('user-agent')), { allowed: false }, 'that one is');
});

t.test('what a gateway knows of addresses and this process does not is not known, and denies nobody', async (t) => {
  const { why } = await setUp(t);
  const restrictions = { country_restrictions: ['NL'], block_tor: true };
  const here = { places: NO_PLACES, unknownHere: new Set(['country', 'tor']) };
  const told = await why({ restrictions }, {}, here);
  t.match(told, { allowed: null, code: null, changes: [] });
  t.match(stepOf(told, 'country'), {
    verdict: 'unknown',
    code: null,
    detail: 'the country is not known here; allowed: NL',
  });
  t.match(stepOf(told, 'tor'), {
    verdict: 'unknown',
    detail: 'whether it is an exit of Tor is not known here; block_tor is on',
  });
  const country = { block: ['DE'], blockUnknown: false, isShadow: false };
  const blocked = await why({}, {}, { ...globally({ country }, NO_PLACES), unknownHere: new Set(['country']) });
  t.match(blocked, { allowed: null }, 'a gateway that knows it may refuse');
  const unreadable = await why({ restrictions: { block_tor: 'perhaps' } }, {}, here);
  t.match(unreadable, { allowed: false, code: 'tor_blocked' }, 'what cannot be read refuses whatever is known');
  t.match(await why({ restrictions, shadow: ['country', 'tor'] }, {}, here), { allowed: true });
});

t.test('what is in shadow would have denied, and lets the request pass', async (t) => {
  const { why, store } = await setUp(t);
  const key = keyRecord({
    restrictions: { ip_restrictions: ['10.0.0.0/8'] },
    shadow: ['ip', 'limits'],
    limits: { perHour: 1 },
  });
  await store.limits.lease(key.id, { ...LIMITS, perHour: 1 }, 1);
  const told = await why(key);
  t.match(told, { allowed: true, code: null, changes: [] });
  t.match(stepOf(told, 'ip'), { verdict: 'would_deny', code: 'ip_blocked', detail: /is not in 10\.0\.0\.0\/8/ });
  t.match(stepOf(told, 'limit'), { verdict: 'would_deny', code: 'rate_limited' });
  const country = { block: ['DE'], blockUnknown: false, isShadow: true };
  const everywhere = await why({}, {}, globally({ country }));
  t.match(everywhere, { allowed: true });
  t.match(stepOf(everywhere, 'country'), { check: 'global-restrictions', verdict: 'would_deny' });
});

t.test('a restriction that cannot be read refuses, in shadow too, and says why', async (t) => {
  const { why } = await setUp(t);
  const restrictions = { ip_restrictions: ['10.0.0.300'], future_restrictions: { a: 1 } };
  const told = await why({ restrictions, shadow: ['ip'] });
  t.match(told, { allowed: false, code: 'restriction_unreadable', togetherSuffice: true });
  t.equal(
    stepOf(told, 'future_restrictions').detail,
    'refuses every request: "future_restrictions" is no restriction of this version',
  );
  t.match(stepOf(told, 'ip').detail, /^refuses every request: cannot be read: ip_restrictions\[0\]: "10\.0\.0\.300"/);
  t.strictSame(changesFor(told, 'future_restrictions'), [
    { text: 'use a gateway of the version that wrote future_restrictions', set: null, suffices: false },
  ]);
  t.strictSame(changesFor(told, 'ip'), [
    { text: 'lift ip_restrictions, or write it anew', set: { ip_restrictions: [] }, suffices: false },
  ]);
  const named = await why({ restrictions: { ip: 1 } });
  t.match(named, { code: 'restriction_unreadable', togetherSuffice: true });
  t.match(named.changes, [{ text: 'use a gateway of the version that wrote ip', set: null, suffices: true }]);
});
