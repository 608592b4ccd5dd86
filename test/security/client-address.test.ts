/** The client's address is the rightmost untrusted one, and nobody but a trusted proxy has a say in it. */
import t from 'tap';
import { type Stage, stage, within } from './fixture.ts';
import { forwards } from './table.ts';

const PLAIN = { line: 'GET /x HTTP/1.1' };
/** The only address from which the key of these tests may be used, besides those of this machine. */
const ALLOWED = '203.0.113.7';
const keyArgs = ['--ip', ALLOWED];

/** Headers in which a client may claim to be another. */
const CLAIMS = [
  'X-Forwarded-For',
  'x-forwarded-for',
  'X_Forwarded_For',
  'X-Forwarded_For',
  'Forwarded',
  'X-Forwarded',
  'Forwarded-For',
  'X-Real-IP',
  'X_Real_IP',
  'X-Client-IP',
  'Client-IP',
  'True-Client-IP',
  'CF-Connecting-IP',
  'CF-Connecting-IPv6',
  'Fastly-Client-IP',
  'X-Cluster-Client-IP',
  'X-Originating-IP',
  'X-Remote-IP',
  'X-Remote-Addr',
  'Remote-Addr',
  'X-Original-Forwarded-For',
  'X-Envoy-External-Address',
  'X-Azure-ClientIP',
  'X-Appengine-User-IP',
  'WL-Proxy-Client-IP',
];

/** What becomes of the key when a request comes from an address with these lines. */
async function verdict(gateway: Stage, lines: string, from = '127.0.0.1'): Promise<string> {
  const client = await gateway.dial(from);
  client.send(gateway.request('/x', lines));
  const answer = await within(client.answer(), 'an answer');
  client.close();
  return answer.status === 200 ? 'passed' : String(answer.json()['code']);
}

const believing = { proxy: { trusted_proxies: ['127.0.0.1', '10.0.0.0/8', '2001:db8::/32'] } };

t.test('without a trusted proxy, the client is whoever opened the connection', async (t) => {
  const gateway = await stage(t, { keyArgs: ['--ip', '127.0.0.1'] });
  t.equal(await verdict(gateway, ''), 'passed');
  t.equal(await verdict(gateway, '', '127.0.0.2'), 'ip_blocked');
  t.strictSame((await gateway.arrived()).length, 1);
  for (const name of CLAIMS) {
    t.equal(await verdict(gateway, `${name}: 127.0.0.1\r\n`, '127.0.0.2'), 'ip_blocked', `${name} lets nobody in`);
    const request = await forwards(t, gateway, name, gateway.request('/x', `${name}: 6.6.6.6\r\n`), {
      ...PLAIN,
      headers: { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http', 'x-forwarded-host': 'api.test' },
    });
    t.notMatch(request?.text, /6\.6\.6\.6/, name);
  }
  const claims =
    'Forwarded: for=127.0.0.1;proto=https;host=evil.test\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.test\r\n';
  const request = await forwards(t, gateway, 'claims of all kinds', gateway.request('/x', claims), {
    ...PLAIN,
    headers: { 'x-forwarded-proto': 'http', 'x-forwarded-host': 'api.test' },
  });
  t.notMatch(request?.text, /evil|https/);
});

/** What a trusted proxy may pass on, and what is believed of it. */
const CHAINS: readonly (readonly [sent: string, said: string])[] = [
  ['203.0.113.7', '203.0.113.7, 127.0.0.1'],
  ['  203.0.113.7  ', '203.0.113.7, 127.0.0.1'],
  ['6.6.6.6, 203.0.113.7', '203.0.113.7, 127.0.0.1'],
  ['6.6.6.6,127.0.0.1,203.0.113.7', '203.0.113.7, 127.0.0.1'],
  ['6.6.6.6, 203.0.113.7, 10.1.2.3', '203.0.113.7, 10.1.2.3, 127.0.0.1'],
  ['6.6.6.6\r\nX-Forwarded-For: 203.0.113.7', '203.0.113.7, 127.0.0.1'],
  ['203.0.113.7\r\nX-Forwarded-For: 10.1.2.3', '203.0.113.7, 10.1.2.3, 127.0.0.1'],
  ['203.0.113.7, 2001:db8::1', '203.0.113.7, 2001:db8::1, 127.0.0.1'],
  ['::ffff:203.0.113.7', '203.0.113.7, 127.0.0.1'],
  ['203.0.113.7:4711, 10.1.2.3:80, [2001:db8::1]', '203.0.113.7, 10.1.2.3, 2001:db8::1, 127.0.0.1'],
  [`${'6.6.6.6,'.repeat(500)}203.0.113.7`, '203.0.113.7, 127.0.0.1'],
];

/** What leaves another address than the allowed one. */
const DISBELIEVED = [
  '203.0.113.7, 6.6.6.6',
  '203.0.113.7, 10.1.2.3, 6.6.6.6',
  '203.0.113.7, x',
  '203.0.113.7, ',
  '203.0.113.7,, 10.1.2.3',
  '203.0.113.7, 10.1.2',
  '203.0.113.7, unknown',
  '203.0.113.7, 010.1.2.3',
  '203.0.113.7, 0x0a.1.2.3',
  '203.0.113.7, 10.1.2.3:http',
  '203.0.113.7, 10.1.2.3:65536',
  '203.0.113.7, [2001:db8::1',
  '203.0.113.7, [10.1.2.3]',
  '203.0.113.7, 10.1.2.3, 2001:db8:0:0:0:0:0:1:443',
  '203.0.113.7, 10.1.2.3/8',
  '203.0.113.7, 10.1.2.3 10.1.2.3',
  '203.0.113.7, "10.1.2.3"',
  '203.0.113.7, for=10.1.2.3',
  '203.0.113.7\r\nX-Forwarded-For: 6.6.6.6',
  '203.0.113.7\r\nX-Forwarded-For:',
  '203.0.113.7;10.1.2.3',
  '203.0.113.007',
  '203.0.113',
  '0xcb007107',
  '3405803783',
  '%32%30%33.0.113.7',
  '203.0.113.7\x20x',
  '',
];

t.test('a trusted proxy is believed as far as it goes', async (t) => {
  const gateway = await stage(t, { settings: believing, keyArgs: [...keyArgs, '--ip', '127.0.0.1'] });
  for (const [sent, said] of CHAINS) {
    const bytes = gateway.request('/x', `X-Forwarded-For: ${sent}\r\nX-Real-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n`);
    const request = await forwards(t, gateway, sent, bytes, { ...PLAIN, headers: { 'x-forwarded-for': said } });
    t.notMatch(request?.text, /6\.6\.6\.6/);
  }
  const last = 'X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.test\r\nX-Forwarded-Host: shop.test\r\n';
  await forwards(t, gateway, 'the nearest word', gateway.request('/x', `X-Forwarded-For: ${ALLOWED}\r\n${last}`), {
    ...PLAIN,
    headers: { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'shop.test' },
  });
  for (const odd of ['a@b', 'a,b', 'a/b', '', 'a b', '\xe4']) {
    await forwards(t, gateway, `the host ${odd}`, gateway.request('/x', `X-Forwarded-Host: ${odd}\r\n`), {
      ...PLAIN,
      headers: { 'x-forwarded-host': 'api.test' },
    });
  }
});

const trusting = await stage(t, { settings: believing, keyArgs });

t.test('what a trusted proxy did not write lets nobody in', async (t) => {
  t.equal(await verdict(trusting, `X-Forwarded-For: ${ALLOWED}\r\n`), 'passed', 'the key works from its address');
  t.equal((await trusting.arrived()).length, 1);
  for (const sent of DISBELIEVED) {
    t.equal(await verdict(trusting, `X-Forwarded-For: ${sent}\r\n`), 'ip_blocked', JSON.stringify(sent));
    t.equal(await verdict(trusting, `X-Forwarded-For: ${ALLOWED}\r\n`, '127.0.0.2'), 'ip_blocked', 'another peer');
  }
  for (const name of CLAIMS.filter((each) => each.toLowerCase() !== 'x-forwarded-for')) {
    t.equal(await verdict(trusting, `${name}: ${ALLOWED}\r\n`), 'ip_blocked', name);
  }
  t.strictSame(await trusting.arrived(), []);
});

t.test('where some are trusted, the others still are not', async (t) => {
  const claims = `X-Forwarded-For: ${ALLOWED}\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.test\r\n`;
  const client = await trusting.dial('127.0.0.2');
  client.send(trusting.request('/public/x', claims));
  await within(client.answer(), 'an answer');
  client.close();
  const [request] = await trusting.arrived();
  t.equal(request?.header('x-forwarded-for'), '127.0.0.2');
  t.equal(request?.header('x-forwarded-proto'), 'http');
  t.equal(request?.header('x-forwarded-host'), 'api.test');
});

const otherwise = { ...believing.proxy, believed_headers: ['Forwarded'], proxy_protocol_from: ['127.0.0.3'] };
const gateway = await stage(t, { settings: { proxy: otherwise }, keyArgs });

t.test('where Forwarded is believed, X-Forwarded-For lets nobody in', async (t) => {
  t.equal(await verdict(gateway, `Forwarded: for=${ALLOWED}\r\n`), 'passed');
  t.equal(await verdict(gateway, `Forwarded: for=6.6.6.6;x="\r\nForwarded: for="${ALLOWED}:80"\r\n`), 'passed');
  t.equal(await verdict(gateway, `Forwarded: for=${ALLOWED}, for=6.6.6.6\r\n`), 'ip_blocked');
  t.equal(await verdict(gateway, `Forwarded: for=${ALLOWED}\r\n`, '127.0.0.2'), 'ip_blocked');
  for (const name of CLAIMS.filter((each) => each !== 'Forwarded')) {
    t.equal(await verdict(gateway, `${name}: ${ALLOWED}\r\n`), 'ip_blocked', name);
  }
  t.equal((await gateway.arrived()).length, 2);
});

t.test('a PROXY protocol header counts from those who must send it, and from nobody else', async (t) => {
  const from = async (peer: string, source: string): Promise<string> => {
    const client = await gateway.dial(peer);
    client.send(`PROXY TCP4 ${source} 127.0.0.1 4711 80\r\n${gateway.request('/x')}`);
    const answer = await within(client.answer(), 'an answer');
    client.close();
    return answer.status === 200 ? 'passed' : String(answer.json()['code']);
  };
  t.equal(await from('127.0.0.3', ALLOWED), 'passed');
  t.equal(await from('127.0.0.3', '6.6.6.6'), 'ip_blocked');
  t.equal(await from('127.0.0.2', ALLOWED), 'request_rejected');
  const without = await gateway.dial('127.0.0.3');
  without.send(gateway.request('/x'));
  await within(without.closed, 'the connection closes');
  t.equal(without.received, '');
  t.equal((await gateway.arrived()).length, 1);
});
