import { createHash, createHmac } from 'node:crypto';
import * as fc from 'fast-check';
import t from 'tap';
import { createSecretHasher } from '../../src/keys/hasher.ts';
import { hintOf, isSecretPrefix, isWellFormedSecret, newSecret, SECRET_PATTERN } from '../../src/keys/secret.ts';
import { holds } from '../support/random.ts';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const PREFIXES = ['lk', 'pulse', 'acme_live', 'L', 'a1_b2_c3', 'x'.repeat(32)];

/** CRC-32 bit by bit (ISO 3309), to check the one in use against. */
function crc32(text: string): number {
  let crc = 0xffffffff;
  for (const byte of Buffer.from(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function base62(text: string): bigint {
  return Array.from(text).reduce((value, c) => value * 62n + BigInt(ALPHABET.indexOf(c)), 0n);
}

t.test('a secret is prefix, 43 characters of base62 and 6 of CRC-32 over all before them', async (t) => {
  t.equal(crc32('123456789'), 0xcbf43926, 'the published check value');
  for (const prefix of PREFIXES) {
    for (let i = 0; i < 50; i++) {
      const secret = newSecret(prefix);
      t.ok(secret.startsWith(`${prefix}_`));
      const tail = secret.slice(prefix.length + 1);
      if (!/^[0-9A-Za-z]{49}$/.test(tail)) t.fail(`${tail} is not base62`);
      t.equal(base62(tail.slice(43)), BigInt(crc32(secret.slice(0, -6))));
      t.equal(isWellFormedSecret(secret), true);
      t.strictSame(`see ${secret}, please`.match(SECRET_PATTERN), [secret]);
    }
  }
});

t.test('every character is about as likely as any other', async (t) => {
  const counts = new Map<string, number>();
  const secrets = 4_000;
  for (let i = 0; i < secrets; i++) {
    for (const c of newSecret('lk').slice(3, 46)) counts.set(c, (counts.get(c) ?? 0) + 1);
  }
  const expected = (secrets * 43) / 62;
  const chiSquare = Array.from(ALPHABET).reduce((sum, c) => sum + ((counts.get(c) ?? 0) - expected) ** 2 / expected, 0);
  // 61 degrees of freedom: beyond 140 once in ten million runs. Bytes taken modulo 62 without care give about 1,000.
  t.ok(chiSquare < 140, `chi-square ${chiSquare.toFixed(1)}`);
});

t.test('no two secrets are the same', async (t) => {
  t.equal(new Set(Array.from({ length: 2_000 }, () => newSecret('lk'))).size, 2_000);
});

t.test('one wrong, missing, added or swapped character is seen', async (t) => {
  const secret = newSecret('lk');
  for (let i = 0; i < secret.length; i++) {
    const other = secret[i] === 'x' ? 'y' : 'x';
    t.equal(isWellFormedSecret(secret.slice(0, i) + other + secret.slice(i + 1)), false, `another at ${i}`);
    t.equal(isWellFormedSecret(secret.slice(0, i) + secret.slice(i + 1)), false, `none at ${i}`);
    t.equal(isWellFormedSecret(`${secret.slice(0, i)}A${secret.slice(i)}`), false, `one more at ${i}`);
    if (secret[i] !== secret[i + 1] && i + 1 < secret.length) {
      const swapped = secret.slice(0, i) + secret[i + 1] + secret[i] + secret.slice(i + 2);
      t.equal(isWellFormedSecret(swapped), false, `swapped at ${i}`);
    }
  }
});

t.test('a text is well formed only with its own checksum and a prefix of a bearable length', async (t) => {
  for (const text of ['', '_', 'lk_', 'lk', '0'.repeat(50), `_${'0'.repeat(49)}`, 'Bearer x']) {
    t.equal(isWellFormedSecret(text), false, text);
  }
  t.equal(isWellFormedSecret(newSecret('x'.repeat(33))), false);
  t.equal(isWellFormedSecret(`${newSecret('lk')}\n`), false);
  t.equal(isWellFormedSecret(newSecret('lk').toLowerCase()), false);
  holds(fc.property(fc.string({ unit: 'binary', maxLength: 120 }), (text) => !isWellFormedSecret(text)));
});

t.test('a prefix is letters and digits, in parts joined by _', async (t) => {
  for (const prefix of PREFIXES) t.equal(isSecretPrefix(prefix), true, prefix);
  for (const prefix of ['', '_', 'a_', '_a', 'a__b', '1a', 'a-b', 'a b', 'é', 'x'.repeat(33), 'lk\n']) {
    t.equal(isSecretPrefix(prefix), false, JSON.stringify(prefix));
  }
});

t.test('a hint shows the prefix and the last four characters, nothing else', async (t) => {
  for (const prefix of PREFIXES) {
    const secret = newSecret(prefix);
    t.equal(hintOf(secret), `${prefix}_…${secret.slice(-4)}`);
  }
  t.equal(hintOf('0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'), '…cdef');
  for (const short of ['', 'abc', 'hunter2', 'twenty-three characters']) t.equal(hintOf(short), '…', short);
});

t.test('without a pepper a secret is stored as its SHA-256', async (t) => {
  const hasher = createSecretHasher([]);
  const digest = `sha256:${createHash('sha256').update('lk_x').digest('base64url')}`;
  t.equal(hasher.digest('lk_x'), digest);
  t.strictSame(hasher.candidates('lk_x'), [digest]);
});

t.test('the newest pepper hashes new secrets; older ones, and none, still find old secrets', async (t) => {
  const old = { version: 1, secret: 'an old pepper' };
  const recent = { version: 2, secret: 'a new pepper' };
  const hasher = createSecretHasher([recent, old]);
  const hmac = ({ version, secret }: typeof old) =>
    `hmac-${version}:${createHmac('sha256', secret).update('lk_x').digest('base64url')}`;
  t.equal(hasher.digest('lk_x'), hmac(recent));
  t.strictSame(hasher.candidates('lk_x'), [hmac(recent), hmac(old), createSecretHasher([]).digest('lk_x')]);
  t.equal(createSecretHasher([old]).digest('lk_x'), hmac(old));
});
