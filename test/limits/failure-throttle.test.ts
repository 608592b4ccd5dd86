import t from 'tap';
import { createFailureThrottle } from '../../src/limits/failure-throttle.ts';
import { NOON } from '../support/clock.ts';

const OPTIONS = { burst: 5, perMinute: 6, maxAddresses: 1_000 };
const HERE = '203.0.113.7';

function failTimes(throttle: ReturnType<typeof createFailureThrottle>, times: number, address = HERE, at = NOON): void {
  for (let i = 0; i < times; i++) throttle.record(address, at);
}

t.test('an address is blocked by its last allowed failure, and not before', async (t) => {
  const throttle = createFailureThrottle(OPTIONS);
  t.equal(throttle.blockedFor(HERE, NOON), 0);
  failTimes(throttle, 4);
  t.equal(throttle.blockedFor(HERE, NOON), 0);
  failTimes(throttle, 1);
  t.equal(throttle.blockedFor(HERE, NOON), 10);
});

t.test('failures are forgiven one by one', async (t) => {
  const throttle = createFailureThrottle(OPTIONS);
  failTimes(throttle, 5);
  t.equal(throttle.blockedFor(HERE, NOON + 1), 10);
  t.equal(throttle.blockedFor(HERE, NOON + 9_001), 1);
  t.equal(throttle.blockedFor(HERE, NOON + 10_000), 0);
  throttle.record(HERE, NOON + 10_000);
  t.equal(throttle.blockedFor(HERE, NOON + 10_000), 10);
  const later = NOON + 10 * 60_000;
  failTimes(throttle, 4, HERE, later);
  t.equal(throttle.blockedFor(HERE, later), 0, 'all are forgiven after a while');
});

t.test('failures that were under way do not lengthen the wait', async (t) => {
  const throttle = createFailureThrottle(OPTIONS);
  failTimes(throttle, 10_000);
  t.equal(throttle.blockedFor(HERE, NOON), 10);
  t.equal(throttle.blockedFor(HERE, NOON + 10_000), 0);
});

t.test('other addresses are not affected', async (t) => {
  const throttle = createFailureThrottle(OPTIONS);
  failTimes(throttle, 5);
  failTimes(throttle, 5, '2001:db8:1:2::1');
  t.equal(throttle.blockedFor('203.0.113.8', NOON), 0);
  t.equal(throttle.blockedFor('2001:db8:1:3::1', NOON), 0);
});

t.test('an IPv6 client cannot get away within its /64', async (t) => {
  const throttle = createFailureThrottle(OPTIONS);
  for (let i = 1; i <= 5; i++) throttle.record(`2001:db8:1:2::${i}`, NOON);
  t.equal(throttle.blockedFor('2001:db8:1:2:aaaa:bbbb:cccc:dddd', NOON), 10);
});

t.test('so many addresses are remembered and no more', async (t) => {
  const throttle = createFailureThrottle({ ...OPTIONS, maxAddresses: 3 });
  failTimes(throttle, 5);
  for (let i = 1; i <= 3; i++) throttle.record(`198.51.100.${i}`, NOON);
  t.equal(throttle.blockedFor(HERE, NOON), 0, 'forgotten for later ones');
});
