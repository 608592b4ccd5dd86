import t from 'tap';
import { type AddressBlock, parseBlock } from '../../src/core/address.ts';
import { AddressSet } from '../../src/core/address-set.ts';
import { clientAddress } from '../../src/core/client-address.ts';

function trust(...blocks: string[]): AddressSet {
  return new AddressSet(blocks.map((text) => parseBlock(text) as AddressBlock));
}

const NOBODY = trust();
const PROXIES = trust('10.0.0.0/8', 'fd00::/8');
const CLIENT = '203.0.113.9';

function whoIs(peer: string, forwardedFor?: string, trusted = PROXIES): string {
  return clientAddress(peer, forwardedFor, trusted).address;
}

t.test('by default nobody is believed: the peer is the client', async (t) => {
  for (const claim of [undefined, '', '10.0.0.1', '127.0.0.1', 'x', '1.2.3.4, 5.6.7.8']) {
    t.strictSame(clientAddress(CLIENT, claim, NOBODY), { address: CLIENT, forwardedFor: '' }, String(claim));
  }
});

t.test('a client that is no trusted proxy cannot say who it is', async (t) => {
  for (const claim of ['10.0.0.1', '127.0.0.1', '::1', '198.51.100.1, 10.0.0.1']) {
    t.strictSame(clientAddress(CLIENT, claim, PROXIES), { address: CLIENT, forwardedFor: '' }, claim);
  }
});

t.test('the client is the rightmost address that no trusted proxy stands behind', async (t) => {
  const cases: [string, string][] = [
    [CLIENT, CLIENT],
    [`${CLIENT}, 10.0.0.2`, CLIENT],
    [`${CLIENT}, 10.0.0.3, 10.0.0.2`, CLIENT],
    [`10.0.0.9, ${CLIENT}`, CLIENT],
    [`198.51.100.1, ${CLIENT}, 10.0.0.2`, CLIENT],
    [`127.0.0.1, ${CLIENT}`, CLIENT],
    ['10.0.0.3, 10.0.0.2', '10.0.0.3'],
    [`,,, ${CLIENT}`, CLIENT],
    [`\t${CLIENT}  ,\t10.0.0.2 `, CLIENT],
    [`::ffff:${CLIENT}`, CLIENT],
    ['2001:DB8::9, fd00::1', '2001:db8::9'],
  ];
  for (const [forwardedFor, client] of cases) t.equal(whoIs('10.0.0.1', forwardedFor), client, forwardedFor);
});

t.test('what is malformed stops the walk: nothing left of it is believed', async (t) => {
  for (const entry of [
    '',
    'unknown',
    '_secret',
    `${CLIENT}:4711`,
    `[${CLIENT}]`,
    '010.0.0.1',
    `"${CLIENT}"`,
    '10.0.0.1%x',
  ]) {
    t.equal(whoIs('10.0.0.1', `${CLIENT}, ${entry}`), '10.0.0.1', JSON.stringify(entry));
    t.equal(whoIs('10.0.0.1', `${CLIENT}, ${entry}, 10.0.0.2`), '10.0.0.2', JSON.stringify(entry));
  }
});

t.test('only what trusted proxies wrote is passed on, from the client on', async (t) => {
  const passedOn = (forwardedFor: string) => clientAddress('10.0.0.1', forwardedFor, PROXIES).forwardedFor;
  t.equal(passedOn(CLIENT), CLIENT);
  t.equal(passedOn(`1.1.1.1, ${CLIENT}, ::ffff:10.0.0.2`), `${CLIENT}, 10.0.0.2`);
  t.equal(passedOn('x'), '');
  t.equal(passedOn(`${CLIENT}, x, 10.0.0.2`), '10.0.0.2');
});

t.test('a proxy is known in whatever form the socket names it', async (t) => {
  t.equal(whoIs('::ffff:10.0.0.1', CLIENT), CLIENT);
  t.equal(whoIs('fd00::1', CLIENT), CLIENT);
  t.equal(whoIs('::ffff:11.0.0.1', '1.2.3.4'), '11.0.0.1');
});

t.test('a link-local proxy is known with its zone', async (t) => {
  t.equal(clientAddress('fe80::1%eth0', CLIENT, trust('fe80::/10')).address, CLIENT);
  t.equal(clientAddress('fe80::1%eth0', undefined, NOBODY).address, 'fe80::1');
});

t.test('a peer without an address is taken as it is, and believed by nobody', async (t) => {
  t.strictSame(clientAddress('', CLIENT, trust('0.0.0.0/0', '::/0')), { address: '', forwardedFor: '' });
});

t.test('a chain without end costs a bounded walk', async (t) => {
  const forged = Array.from({ length: 5_000 }, () => '10.0.0.7').join(',');
  const { address, forwardedFor } = clientAddress('10.0.0.1', `${CLIENT},${forged}`, PROXIES);
  t.equal(address, '10.0.0.7', 'the client beyond the bound is not believed');
  t.equal(forwardedFor.split(', ').length, 64);
});
