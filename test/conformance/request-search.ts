import type { Test } from 'tap';
import type { LoggedRequest } from '../../src/core/request-log.ts';
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
    for (const one of entries) t.strictSame(await other.find(one.requestId), one);
    for (const none of [newId(), '', `${keys[0]}-`, `${keys[0]}-aa`, '%']) t.equal(await log.find(none), null);
  });

  await t.test('of several with one id, the latest: in one batch, in several, of several keys', async (t) => {
    const [requestId, one, two] = [newId(), newId(), newId()];
    const at = (keyId: string, time: number): LoggedRequest => entry(keyId, { requestId, at: time });
    await log.append([batch(one, [at(one, NOW - 50), at(one, NOW - 30), at(one, NOW - 40)])]);
    t.strictSame(await other.find(requestId), at(one, NOW - 30));
    await other.append([batch(two, [at(two, NOW - 20)]), batch(one, [at(one, NOW - 25)])]);
    t.strictSame(await log.find(requestId), at(two, NOW - 20));
    await log.append([batch(one, [at(one, NOW - 90)])]);
    t.strictSame(await log.find(requestId), at(two, NOW - 20), 'the latest is not the one that was written last');
  });

  await t.test('the latest is not the one that is kept longest', async (t) => {
    const [requestId, long, short] = [newId(), newId(), newId()];
    await log.append([batch(long, [entry(long, { requestId, at: NOW - 100 })], { retentionMs: 300 * DAY_MS })]);
    await log.append([batch(short, [entry(short, { requestId, at: NOW - 50 })], { retentionMs: DAY_MS })]);
    t.equal((await other.find(requestId))?.keyId, short);
  });

  await t.test('one is found among many thousands, and others get their turn meanwhile', async (t) => {
    const [first, keyId, requestId] = [newId(), newId(), newId()];
    await log.append([batch(first, [entry(first, { requestId, at: NOW - 60_000 })])]);
    const many = Array.from({ length: 12_000 }, (_, i) => entry(keyId, { requestId: `${keyId}-${i}`, at: NOW - i }));
    await log.append([batch(keyId, many, { maxEntries: 20_000 })]);
    const found = other.find(requestId);
    const turns = await turnsUntil(found);
    t.equal((await found)?.keyId, first);
    t.ok(turns > 1, `${turns} turns`);
  });

  await t.test('one that is not in its log any more is not found, and an earlier one that is, is', async (t) => {
    const [requestId, kept, trimmed] = [newId(), newId(), newId()];
    await log.append([batch(kept, [entry(kept, { requestId, at: NOW - 5_000 })])]);
    await log.append([batch(trimmed, [entry(trimmed, { requestId, at: NOW - 4_000 })], { maxEntries: 1 })]);
    t.equal((await other.find(requestId))?.keyId, trimmed);
    await log.append([batch(trimmed, [entry(trimmed)], { maxEntries: 1 })]);
    t.equal((await other.find(requestId))?.keyId, kept);
    t.equal((await other.read({ keyId: trimmed, limit: 9, order: 'newest' })).entries.length, 1);
  });
}
