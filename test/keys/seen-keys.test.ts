import t from 'tap';
import type { KeyRecord } from '../../src/core/key.ts';
import { CHANGE_HOLDS_MS, MAX_CHANGED_KEYS, MAX_ENDED_KEYS, SeenKeys } from '../../src/keys/seen-keys.ts';
import { ManualClock } from '../support/clock.ts';
import { keyRecord } from '../support/keys.ts';

const edited = (id: string, given: Partial<KeyRecord> = {}): KeyRecord => keyRecord({ id, version: 2, ...given });

t.test('whole records are bounded, and large keys count for several', async (t) => {
  const seen = new SeenKeys(new ManualClock());
  for (let i = 0; i < MAX_CHANGED_KEYS; i++) seen.set(`key_${i}`, edited(`key_${i}`), 0);
  t.strictSame([seen.has('key_0'), seen.has('key_1')], [true, true]);
  seen.set('more', edited('more'), 0);
  t.strictSame([seen.has('key_0'), seen.has('key_1')], [false, true], 'the first is the first to go');
  const large = { metadata: { note: 'x'.repeat(MAX_CHANGED_KEYS * 500) } };
  for (const id of ['one', 'another']) seen.set(id, edited(id, large), 0);
  t.strictSame(
    [seen.has('one'), seen.has('more'), seen.has('another')],
    [false, false, true],
    'no room for two of them',
  );
});

t.test('no number of edits pushes out what must not come back to life', async (t) => {
  const seen = new SeenKeys(new ManualClock());
  const ends = {
    revoked: edited('revoked', { status: 'revoked', revokedAt: 1 }),
    disabled: edited('disabled', { status: 'disabled', disabledBy: 'root' }),
    rotated: edited('rotated', { rotatedAt: 1 }),
    deleted: null,
    edited: edited('edited'),
  };
  for (const [id, record] of Object.entries(ends)) seen.set(id, record, 0);
  const large = { metadata: { note: 'x'.repeat(10_000) } };
  for (let i = 0; i < MAX_CHANGED_KEYS; i++) seen.set(`key_${i}`, edited(`key_${i}`, large), 0);
  t.match(seen.get('revoked')?.last, { status: 'revoked', revokedAt: 1, version: 2 });
  t.match(seen.get('disabled')?.last, { status: 'disabled', disabledBy: 'root' });
  t.match(seen.get('rotated')?.last, { secret: ends.rotated.secret, previous: null, rotatedAt: 1 });
  t.equal(
    seen.get('rotated') !== undefined && 'metadata' in (seen.get('rotated')?.last ?? {}),
    false,
    'only the least',
  );
  t.equal(seen.get('deleted')?.last, null);
  t.equal(seen.get('edited'), undefined);
  seen.set('disabled', { ...ends.disabled, status: 'active' }, 0);
  for (let i = 0; i < MAX_CHANGED_KEYS; i++) seen.set(`key_${i}`, edited(`key_${i}`, large), 0);
  t.equal(seen.get('disabled'), undefined, 'it was enabled');
});

t.test('what must not come back is bounded too, and forgotten in the end', async (t) => {
  const clock = new ManualClock();
  const seen = new SeenKeys(clock);
  for (let i = 0; i < MAX_ENDED_KEYS; i++) seen.set(`key_${i}`, null, 0);
  seen.set('key_0', null, 0);
  t.ok(seen.has('key_1'));
  seen.set('more', null, 0);
  t.strictSame([seen.has('key_0'), seen.has('key_1'), seen.has('key_2')], [true, false, true]);
  clock.advance(CHANGE_HOLDS_MS - 1);
  t.equal(seen.get('more')?.last, null);
  clock.advance(1);
  t.equal(seen.get('more'), undefined);
});
