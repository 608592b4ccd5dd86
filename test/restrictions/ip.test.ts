import t from 'tap';
import { restrictionFaults } from '../../src/restrictions/index.ts';
import { view } from '../support/keys.ts';
import { restricted } from './restricted.ts';

/** The code with which a key so restricted refuses an address; null when it does not. */
function refusal(list: string[], address: string): string | null {
  return restricted({ ip_restrictions: list })(view({ address }))?.code ?? null;
}

function faults(...list: string[]): string[] {
  return restrictionFaults({ ip_restrictions: list });
}

t.test('without a list there is nothing to restrict', async (t) => {
  t.equal(refusal([], '203.0.113.5'), null);
  t.strictSame(faults(), []);
});

t.test('an address on the list passes, any other is blocked', async (t) => {
  const list = ['203.0.113.5', '192.168.1.0/24', '2001:db8::/32'];
  for (const address of ['203.0.113.5', '192.168.1.255', '2001:db8:ffff::1', '::ffff:192.168.1.7']) {
    t.equal(refusal(list, address), null, address);
  }
  for (const address of ['203.0.113.6', '192.168.2.0', '2001:db9::', '::1', '', 'not an address', '192.168.1.7:80']) {
    t.equal(refusal(list, address), 'ip_blocked', JSON.stringify(address));
  }
});

t.test('an address is judged anew when it changes, and the same when it comes again', async (t) => {
  const denial = restricted({ ip_restrictions: ['10.0.0.0/8'] });
  const asked = ['10.0.0.1', '10.0.0.1', '11.0.0.1', '11.0.0.1', '10.0.0.1', '11.0.0.1', '10.9.9.9'];
  t.strictSame(
    asked.map((address) => denial(view({ address }))?.code ?? null),
    [null, null, 'ip_blocked', 'ip_blocked', null, 'ip_blocked', null],
  );
});

t.test('a stored list that cannot be read blocks every address, those on it too', async (t) => {
  for (const broken of ['10.0.0.0/33', 'nonsense', '', 'country:NL']) {
    t.equal(refusal(['0.0.0.0/0', broken], '10.0.0.1'), 'ip_blocked', broken);
  }
});

t.test('what is wrong with a list is said, entry by entry', async (t) => {
  t.strictSame(faults('10.0.0.0/8', '::1', '::ffff:1.2.3.4/120'), []);
  t.strictSame(faults('10.0.0.0/33', '2001:db8::/129', '10.0.0.0/', '10.0.0.0/8/8', '300.1.1.1', 'fe80::1%eth0/64'), [
    'ip_restrictions[0]: "10.0.0.0/33" has the prefix length "33"; expected 0 to 32',
    'ip_restrictions[1]: "2001:db8::/129" has the prefix length "129"; expected 0 to 128',
    'ip_restrictions[2]: "10.0.0.0/" has the prefix length ""; expected 0 to 32',
    'ip_restrictions[3]: "10.0.0.0/8/8" has the prefix length "8/8"; expected 0 to 32',
    'ip_restrictions[4]: "300.1.1.1" is not an address; expected an address or a CIDR, like 203.0.113.5, 192.168.1.0/24 or 2001:db8::/32',
    'ip_restrictions[5]: "fe80::1%eth0/64" is not an address; expected an address or a CIDR, like 203.0.113.5, 192.168.1.0/24 or 2001:db8::/32',
  ]);
});

t.test('a block in which every client is seen by another address is refused, since it would meet nobody', async (t) => {
  for (const block of ['64:ff9b::/96', '::ffff:0:0/96', '::ffff:0:0:0/96', '2002::/16', '2001::/32']) {
    t.strictSame(faults('10.0.0.0/8', block), [
      `ip_restrictions[1]: "${block}" covers a whole range of IPv4-in-IPv6 addresses; such clients are seen by their IPv4 address, so list that`,
    ]);
  }
  t.strictSame(faults('64:ff9b::/97', '2002:a00::/24', '2001::/97', '::/0', '2000::/3', '64:ff9b:1::/48'), []);
});

t.test('a list has a bound', async (t) => {
  t.strictSame(faults(...Array.from({ length: 10_000 }, () => '10.0.0.1')), []);
  t.strictSame(faults(...Array.from({ length: 10_001 }, () => '10.0.0.1')), [
    'ip_restrictions: 10001 entries; expected at most 10000',
  ]);
});
