import type { Test } from 'tap';
import { type LoggedRequest, MAX_FOUND } from '../../src/core/request-log.ts';
import { type Harness, newId } from './harness.ts';
import { batch, entry } from './request-log.ts';
import { turnsUntil } from './turns.ts';

const DAY_MS = 86_400_000;
const NOW = Date.now();

export async function checkRequestSearch(t: Test, harness: Harness): Promise<void> {
  const { requests: log } = await harness.open();
  const { requests: other } = await harness.open();

  await t.test('a request is found by its id, whatever key it was made with', async (t) => {
    const keys = Array.from({ length: 120 }, newId);
    const entries = keys.map((keyId) => entry(keyId, { requestId: `${keyId}-a`, wouldDeny: ['ip_blocked'] }));
    await log.append(entries.map((one) => batch(one.keyId, [one, entry(one.keyId, { requestId: newId() })])));
    for (const one of entries) t.strictSame(await other.find(one.requestId, null), [one]);
    for (const none of [newId(), '', `${keys[0]}-`, `${keys[0]}-aa`, '%']) t.strictSame(await log.find(none, null), []);
  });

  await t.test(
    'of several with one id, the latest of each key: in one batch, in several, of several keys',
    async (t) => {
      const [requestId, one, two] = [newId(), newId(), newId()];
      const at = (keyId: string, time: number): LoggedRequest => entry(keyId, { requestId, at: time });
      await log.append([batch(one, [at(one, NOW - 50), at(one, NOW - 30), at(one, NOW - 40)])]);
      t.strictSame(await other.find(requestId, null), [at(one, NOW - 30)]);
      await other.append([batch(two, [at(two, NOW - 20)]), batch(one, [at(one, NOW - 25)])]);
      t.strictSame(await log.find(requestId, null), [at(two, NOW - 20), at(one, NOW - 25)]);
      await log.append([batch(one, [at(one, NOW - 90)])]);
      t.strictSame(
        await log.find(requestId, null),
        [at(two, NOW - 20), at(one, NOW - 25)],
        'the latest is not the one that was written last',
      );
    },
  );

  await t.test('in the logs of some keys only: who sends the id of another’s request does not hide that', async (t) => {
    const [requestId, one, two, three] = [newId(), newId(), newId(), newId()];
    const at = (keyId: string, time: number): LoggedRequest => entry(keyId, { requestId, at: time });
    await log.append([batch(one, [at(one, NOW - 50), at(one, NOW - 60)]), batch(two, [at(two, NOW - 20)])]);
    await log.append([batch(three, [at(three, NOW - 30)])]);
    t.strictSame(await other.find(requestId, [one]), [at(one, NOW - 50)]);
    t.strictSame(await other.find(requestId, [newId(), one, three]), [at(three, NOW - 30), at(one, NOW - 50)]);
    for (const none of [[], [newId()]]) t.strictSame(await other.find(requestId, none), []);
    t.strictSame(await other.find(newId(), [one, two]), []);
  });

  await t.test('of many keys with one id, only so many', async (t) => {
    const [requestId, keys] = [newId(), Array.from({ length: MAX_FOUND + 2 }, newId)];
    await log.append(keys.map((keyId, i) => batch(keyId, [entry(keyId, { requestId, at: NOW - i })])));
    for (const wanted of [null, keys]) {
      const found = await other.find(requestId, wanted);
      t.strictSame(
        found.map(({ keyId }) => keyId),
        keys.slice(0, MAX_FOUND),
      );
    }
    t.strictSame((await other.find(requestId, keys.slice(-1))).length, 1);
  });

  await t.test('the latest is not the one that is kept longest', async (t) => {
    const [requestId, long, short] = [newId(), newId(), newId()];
    await log.append([batch(long, [entry(long, { requestId, at: NOW - 100 })], { retentionMs: 300 * DAY_MS })]);
    await log.append([batch(short, [entry(short, { requestId, at: NOW - 50 })], { retentionMs: DAY_MS })]);
    t.equal((await other.find(requestId, null))[0]?.keyId, short);
  });

  await t.test('one is found among many thousands, and others get their turn meanwhile', async (t) => {
    const [first, keyId, requestId] = [newId(), newId(), newId()];
    await log.append([batch(first, [entry(first, { requestId, at: NOW - 60_000 })])]);
    const many = Array.from({ length: 12_000 }, (_, i) => entry(keyId, { requestId: `${keyId}-${i}`, at: NOW - i }));
    await log.append([batch(keyId, many, { maxEntries: 20_000 })]);
    const found = other.find(requestId, null);
    const turns = await turnsUntil(found);
    t.equal((await found)[0]?.keyId, first);
    t.ok(turns > 1, `${turns} turns`);
    const own = other.find(`${keyId}-11999`, [keyId]);
    const turnsOfOne = await turnsUntil(own);
    t.equal((await own)[0]?.at, NOW - 11_999);
    t.ok(turnsOfOne > 1, `${turnsOfOne} turns`);
  });

  await t.test('one that is not in its log any more is not found, and an earlier one that is, is', async (t) => {
    const [requestId, kept, trimmed] = [newId(), newId(), newId()];
    await log.append([batch(kept, [entry(kept, { requestId, at: NOW - 5_000 })])]);
    await log.append([batch(trimmed, [entry(trimmed, { requestId, at: NOW - 4_000 })], { maxEntries: 1 })]);
    t.equal((await other.find(requestId, null))[0]?.keyId, trimmed);
    await log.append([batch(trimmed, [entry(trimmed)], { maxEntries: 1 })]);
    t.equal((await other.find(requestId, null))[0]?.keyId, kept);
    t.equal((await other.read({ keyId: trimmed, limit: 9, order: 'newest' })).entries.length, 1);
  });
}
