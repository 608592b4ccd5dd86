import * as fc from 'fast-check';
import t from 'tap';
import { newSecret, SECRET_PATTERN } from '../../src/keys/secret.ts';
import { redactSecrets } from '../../src/observe/redact.ts';
import { holds } from '../support/random.ts';

t.test('an API key is removed wherever it stands, whatever its prefix', async (t) => {
  for (const prefix of ['lk', 'pulse', 'acme_live', 'A1_b2_c3']) {
    const secret = newSecret(prefix);
    const tail = secret.slice(-49);
    for (const text of [
      secret,
      `x ${secret} y`,
      `/api/${secret}/z`,
      `${secret}${secret}`,
      `"${secret}"`,
      `${secret}.`,
    ]) {
      const clean = redactSecrets(text);
      t.notMatch(clean, tail, text);
      t.match(clean, '[secret]');
      t.equal(clean.match(SECRET_PATTERN), null);
    }
    t.notMatch(redactSecrets(secret.replaceAll('_', '%5F')), tail, 'with its underscore percent-encoded');
    t.notMatch(redactSecrets(secret.slice(0, -6)), tail.slice(0, 40), 'without its checksum');
    for (let i = secret.length - 49; i < secret.length; i++) {
      const encoded = `${secret.slice(0, i)}%${secret.charCodeAt(i).toString(16)}${secret.slice(i + 1)}`;
      const clean = redactSecrets(`curl ${encoded} x`);
      t.match(clean, / \S*\[secret\] x$/, 'with a character of it percent-encoded');
    }
  }
});

t.test('credentials in headers, URLs and tokens are removed', async (t) => {
  const cases: [string, string][] = [
    ['Bearer abc.def', 'abc.def'],
    ['bearer\tlegacy-1', 'legacy-1'],
    ['/callback?a=Bearer%20hunter2', 'hunter2'],
    ['Authorization: Basic dXNlcjpodW50ZXIy', 'dXNlcjpodW50ZXIy'],
    ['proxy-authorization=Digest hunter2', 'hunter2'],
    ['x-api-key: hunter2', 'hunter2'],
    ['api_key=hunter2', 'hunter2'],
    ['connect redis://user:hunter2@10.0.0.1:6379/0', 'hunter2'],
    ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl', 'c2lnbmF0dXJl'],
  ];
  for (const [text, secret] of cases) t.notMatch(redactSecrets(text), secret, text);
});

t.test('a line of JSON stays one, with its other fields', async (t) => {
  const secret = newSecret('lk');
  const values: unknown[] = [
    { authorization: `Bearer ${secret}` },
    { headers: { Authorization: 'Basic dXNlcjpodW50ZXIy' } },
    { rawHeaders: ['Host', 'a', 'Authorization', 'Basic hunter2', 'Accept', '*/*'] },
    { 'x-api-key': ['hunter2'] },
    { authorization: null, api_key: 12, apiKey: { authorization: ['hunter2'] } },
    { authorization: 'Basic hun"ter2\\hunter2' },
    { text: JSON.stringify({ authorization: 'Basic hunter2' }) },
    { text: JSON.stringify({ text: JSON.stringify({ authorization: 'Basic hunter2' }) }) },
    { text: `Authorization: Basic hunter2\r\nHost: a` },
    { text: `"quoted ${secret}"` },
  ];
  for (const value of values) {
    const clean = redactSecrets(JSON.stringify({ before: 1, value, after: 2 }));
    t.match(JSON.parse(clean), { before: 1, after: 2 }, clean);
    t.notMatch(clean, /hunter2|dXNl/);
    t.notMatch(clean, secret);
  }
});

t.test('any value, however it is written, leaves valid JSON without the secret', async () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'authorization',
      ':',
      '"',
      '\\',
      ' ',
      ',',
      'Bearer ',
      'api_key=',
      '://',
      '@',
      'eyJ',
      '.',
      '_',
      '\n',
    ),
    fc.string({ maxLength: 5 }),
    fc.constant(newSecret('lk')),
  );
  const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
  holds(
    fc.property(fc.array(text, { maxLength: 4 }), fc.dictionary(text, text, { maxKeys: 3 }), (list, map) => {
      const clean = redactSecrets(JSON.stringify({ list, map }));
      JSON.parse(clean);
      return clean.match(SECRET_PATTERN) === null;
    }),
    2000,
  );
});

t.test('the end of a text is not taken for the beginning of a value', async (t) => {
  const line = JSON.stringify({ user_agent: 'authorization":', next: 'kept' });
  t.equal(redactSecrets(line), line);
});

t.test('what is no secret is left alone', async (t) => {
  for (const text of [
    'key_0123456789abcdefghijklmnop',
    '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    'trace_4bf92f3577b34da6a3ce929d0e0e4736',
    'GET /api/api-keys/7',
    'Mozilla/5.0 (compatible; bot/2.1; +http://www.example.com/bot.html)',
    'mail@example.com',
    'http://127.0.0.1:9000/a@b',
  ]) {
    t.equal(redactSecrets(text), text);
  }
});

t.test('texts made to be slow are not', async (t) => {
  const started = process.cpuUsage();
  for (const part of ['eyJ', 'a', '_', 'bearer ', 'authorization', 'authorization"', '://', '\\', 'api_key: ', '%5f']) {
    redactSecrets(`eyJ bearer x ${part.repeat(100_000)}`);
  }
  const spent = process.cpuUsage(started);
  t.ok((spent.user + spent.system) / 1e6 < 5, 'linear: milliseconds; quadratic: minutes');
});
