import t from 'tap';
import type { BelievedHeader } from '../../src/config/config.ts';
import { complaints, load } from '../support/config.ts';

function believed(names: readonly string[]): readonly BelievedHeader[] {
  return load(`proxy: { believed_headers: ${JSON.stringify(names)} }`).config.proxy.believedHeaders;
}

function refused(names: readonly unknown[]): string[] {
  return complaints(`proxy: { believed_headers: ${JSON.stringify(names)} }`);
}

t.test('the three X-Forwarded headers are believed unless others are named', async (t) => {
  t.strictSame(load('').config.proxy.believedHeaders, ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host']);
  t.strictSame(believed(['Forwarded']), ['forwarded']);
  t.strictSame(
    believed(['x-forwarded-FOR', 'X-FORWARDED-HOST']),
    ['x-forwarded-for', 'x-forwarded-host'],
    'in any case',
  );
  t.strictSame(believed(['X-Forwarded-For', 'x-forwarded-for']), ['x-forwarded-for'], 'once');
  t.strictSame(believed([]), [], 'none at all');
});

t.test('a header that says nothing of the client is none to believe', async (t) => {
  const known = 'expected one of X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, Forwarded';
  t.strictSame(refused(['X-Real-IP', 7, 'X-Forwarded_For']), [
    `proxy.believed_headers[0]: ${known}, got "X-Real-IP"`,
    `proxy.believed_headers[1]: ${known}, got 7`,
    `proxy.believed_headers[2]: ${known}, got "X-Forwarded_For"`,
  ]);
  t.strictSame(complaints('proxy: { believed_headers: Forwarded }'), [
    'proxy.believed_headers: expected a list, got "Forwarded"',
  ]);
});

t.test('two headers that say the same thing are not both believed', async (t) => {
  for (const other of ['X-Forwarded-For', 'X-Forwarded-Proto', 'x-forwarded-host']) {
    const found = refused(['forwarded', other]);
    t.equal(found.length, 1);
    t.match(found[0], /^proxy\.believed_headers: expected either Forwarded or X-Forwarded headers/, other);
  }
});

t.test('those who send PROXY protocol headers are addresses and CIDRs', async (t) => {
  t.strictSame(load('').config.proxy.proxyProtocolFrom, [], 'nobody does');
  const some = ['10.0.0.0/8', '192.0.2.7', 'fd00::/8'];
  t.strictSame(load(`proxy: { proxy_protocol_from: ${JSON.stringify(some)} }`).config.proxy.proxyProtocolFrom, some);
  t.match(complaints('proxy: { proxy_protocol_from: [all, 10.0.0.0/33] }'), [
    /^proxy\.proxy_protocol_from\[0\]: expected an address or a CIDR/,
    /^proxy\.proxy_protocol_from\[1\]: expected an address or a CIDR/,
  ]);
});
