import t from 'tap';
import { didYouMean, nearestName } from '../../src/core/nearest.ts';

t.test('a mistyped name finds the one that was meant', async (t) => {
  const known = ['listen', 'trusted_proxies', 'realm', 'per_hour', 'tier'];
  const typed = {
    listne: 'listen',
    LISTEN: 'listen',
    trusted_proxy: 'trusted_proxies',
    perhour: 'per_hour',
    teir: 'tier',
  };
  for (const [name, meant] of Object.entries(typed)) t.equal(nearestName(name, known), meant, name);
});

t.test('what is near nothing finds nothing', async (t) => {
  t.equal(nearestName('upstreams', ['listen', 'realm']), null);
  t.equal(nearestName('', ['listen']), null);
  t.equal(nearestName('listen', []), null);
  t.equal(nearestName('x', ['ip', 'on']), null, 'a short name is not near every other short one');
  t.equal(nearestName('xy', ['ab']), null);
  t.equal(nearestName('foo', ['ip', 'country', 'tor', 'time']), null, 'one letter of three is no beginning');
  t.equal(nearestName('tro', ['tor']), null);
  t.equal(nearestName('to', ['tor']), 'tor');
});

t.test('a name of any length is compared in a bounded time', async (t) => {
  t.equal(nearestName('x'.repeat(1_000_000), ['listen']), null);
});

t.test('the guess is worded, or nothing is said', async (t) => {
  t.equal(didYouMean('listne', ['listen']), '; did you mean "listen"?');
  t.equal(didYouMean('upstreams', ['listen']), '');
});
