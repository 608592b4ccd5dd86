import t from 'tap';
import { NO_PLACES, type Places } from '../../src/core/places.ts';
import { view } from '../support/keys.ts';
import { restricted } from './restricted.ts';

const EXIT = '192.0.2.1';
const LIST: Places = {
  ...NO_PLACES,
  knowsTor: true,
  isTorExit: (address) => (address === '' ? null : address === EXIT),
};

function denial(block_tor: boolean, address: string, places = LIST) {
  return restricted({ block_tor }, places)(view({ address }));
}

t.test('an exit of Tor is blocked, any other address passes', async (t) => {
  t.match(denial(true, EXIT), { code: 'tor_blocked', detail: 'This key may not be used over Tor.' });
  t.equal(denial(true, '192.0.2.2'), null);
  t.equal(denial(false, EXIT), null, 'and where Tor is not blocked, exits pass too');
});

t.test('without a list nobody passes, and is told why', async (t) => {
  t.match(denial(true, '192.0.2.2', NO_PLACES), { code: 'tor_blocked', detail: /has no list of the addresses of Tor/ });
  t.equal(denial(false, '192.0.2.2', NO_PLACES), null);
});

t.test('what is no address does not pass', async (t) => {
  t.match(denial(true, ''), { code: 'tor_blocked', detail: /does not know your address/ });
});
