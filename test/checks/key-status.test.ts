import t from 'tap';
import type { KeyRecord } from '../../src/core/key.ts';
import { newSecret } from '../../src/keys/secret.ts';
import { changed } from '../keys/fixture.ts';
import { NOON } from '../support/clock.ts';
import { HASHER } from '../support/keys.ts';
import { setUp } from './fixture.ts';

t.test('a key expires on its millisecond, though it is cached', async (t) => {
  const { ask, clock, code, issue } = await setUp(t);
  const { record, secret } = await issue({ expiresAt: NOON + 500 });
  t.equal(await code({ secret }), null);
  clock.advance(499);
  t.equal(await code({ secret }), null);
  clock.advance(1);
  t.match(await ask({ secret }), {
    key: { record },
    denial: { code: 'key_expired', detail: 'This key expired at 2026-11-22T12:30:00.500Z.' },
  });
  clock.advance(-1);
  t.equal(await code({ secret }), null);
});

t.test('a disabled and a revoked key are refused as such', async (t) => {
  const { code, issue } = await setUp(t);
  const past: Partial<KeyRecord> = { expiresAt: NOON - 1 };
  const cases: [Partial<KeyRecord>, string][] = [
    [{ status: 'disabled' }, 'key_disabled'],
    [{ status: 'revoked', revokedAt: NOON }, 'key_revoked'],
    [{ status: 'disabled', ...past }, 'key_disabled'],
    [{ status: 'revoked', revokedAt: NOON, ...past }, 'key_revoked'],
    [past, 'key_expired'],
  ];
  for (const [given, expected] of cases) {
    const { secret } = await issue(given);
    t.equal(await code({ secret }), expected, JSON.stringify(given));
  }
});

t.test('after a rotation both secrets work until the grace ends, then only the new one', async (t) => {
  const { ask, clock, directory, issue, real } = await setUp(t);
  const { record, secret: old } = await issue();
  const secret = newSecret('lk');
  const rotated = changed(record, {
    secret: { digest: HASHER.digest(secret), hint: '' },
    previous: { ...record.secret, expiresAt: NOON + 700 },
  });
  t.match(await ask({ secret: old }), { denial: null, previousSecret: false });
  await real.replace(rotated);
  await directory.poll();
  t.match(await ask({ secret: old }), { denial: null, previousSecret: true, key: { record: { id: record.id } } });
  t.match(await ask({ secret }), { denial: null, previousSecret: false, key: { record: { id: record.id } } });
  clock.advance(699);
  t.match(await ask({ secret: old }), { denial: null });
  clock.advance(1);
  t.match(await ask({ secret: old }), {
    previousSecret: true,
    denial: {
      code: 'key_expired',
      detail:
        'This secret was replaced by a rotation, and its grace ended at 2026-11-22T12:30:00.700Z. Use the new one.',
    },
  });
  t.match(await ask({ secret }), { denial: null });
});

t.test('both secrets of a key spend from the same limits', async (t) => {
  const { code, issue, real, directory } = await setUp(t);
  const { record, secret: old } = await issue({ limits: { perHour: 3 } });
  const secret = newSecret('lk');
  await real.replace(
    changed(record, {
      secret: { digest: HASHER.digest(secret), hint: '' },
      previous: { ...record.secret, expiresAt: NOON + 1_000 },
    }),
  );
  await directory.poll();
  const codes = [];
  for (const each of [old, secret, old, secret, old]) codes.push(await code({ secret: each }));
  t.strictSame(codes, [null, null, null, 'rate_limited', 'rate_limited']);
});

t.test('a key that expires while the store is down expires all the same', async (t) => {
  const { clock, code, directory, issue, store } = await setUp(t);
  const { secret } = await issue({ expiresAt: NOON + 5_000 });
  await code({ secret });
  store.down = true;
  for (let i = 0; i < 20; i++) {
    t.equal(await code({ secret }), null);
    clock.advance(250);
    await directory.poll();
  }
  t.equal(await code({ secret }), 'key_expired');
});
