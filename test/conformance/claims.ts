import type { Test } from 'tap';
import type { Along, Claim } from '../../src/core/along.ts';
import { newRole } from './audit.ts';
import { type Harness, newEvent, newId, newRecord, storeError } from './harness.ts';

const DAY_MS = 86_400_000;

/** A claim with an id of its own that is valid until tomorrow. */
export function newClaim(change: Partial<Claim> = {}): Claim {
  return {
    id: newId(),
    fingerprint: 'sha256:asked',
    answer: '{"id":"key_1","name":"ünïcode"}',
    sealedSecret: 'sealed',
    expiresAt: Date.now() + DAY_MS,
    ...change,
  };
}

export async function checkClaims(t: Test, harness: Harness): Promise<void> {
  const { keys, roles, audit } = await harness.open();
  const other = await harness.open();

  await t.test('a claim is there with its change, for everyone, until it ends', async (t) => {
    const [record, claim] = [newRecord(), newClaim()];
    t.equal(await keys.findClaim(claim.id, 0), null);
    await keys.create(record, { claim });
    t.strictSame(await keys.findClaim(claim.id, Date.now()), claim);
    t.strictSame(await other.keys.findClaim(claim.id, claim.expiresAt - 1), claim);
    t.equal(await keys.findClaim(claim.id, claim.expiresAt), null);
    t.strictSame(await keys.get(record.id), record);
  });

  await t.test('a claim that is taken: nothing at all is written', async (t) => {
    const claim = newClaim();
    await keys.create(newRecord(), { claim });
    const { cursor } = await keys.changesSince(null);
    const head = await audit.head();
    const rival = newRecord();
    const along: Along = { claim: { ...claim, answer: 'another' }, event: newEvent() };
    await t.rejects(keys.create(rival, along), storeError('STORE_CONFLICT'));
    await t.rejects(other.keys.create(rival, { claim }), storeError('STORE_CONFLICT'), 'without an event');
    t.equal(await keys.get(rival.id), null);
    t.equal(await keys.findByDigest(rival.secret.digest), null);
    t.strictSame(await keys.findClaim(claim.id, 0), claim);
    t.strictSame((await keys.changesSince(cursor)).changed, []);
    t.strictSame(await audit.head(), head);
    await t.resolves(keys.create(rival), 'its id and its digest are free');
  });

  await t.test('a change that cannot be made leaves the claim free', async (t) => {
    const [taken, role] = [newRecord(), newRole()];
    await keys.create(taken);
    await roles.create(role);
    const claim = newClaim();
    const along: Along = { claim, event: newEvent() };
    for (const refused of [
      () => keys.create(taken, along),
      () => keys.replace({ ...taken, version: 7 }, along),
      () => keys.delete(taken.id, 7, along),
      () => roles.create(role, along),
      () => roles.replace({ ...role, version: 7 }, along),
      () => roles.delete(role.name, 7, along),
    ]) {
      await t.rejects(refused(), storeError('STORE_CONFLICT'));
      t.equal(await keys.findClaim(claim.id, 0), null);
    }
    await t.resolves(keys.create(newRecord(), { claim }));
    await roles.delete(role.name, 1);
  });

  await t.test('every change can come with a claim, and is not made when that is taken', async (t) => {
    const claim = newClaim();
    const [key, role] = [newRecord(), newRole()];
    await keys.create(key, { claim });
    await roles.create(role);
    for (const change of [
      (along: Along) => keys.replace({ ...key, name: 'changed', version: 2 }, along),
      (along: Along) => keys.delete(key.id, 2, along),
      (along: Along) => roles.replace({ ...role, description: 'changed', version: 2 }, along),
      (along: Along) => roles.delete(role.name, 2, along),
      (along: Along) => roles.create(role, along),
    ]) {
      await t.rejects(change({ claim }), storeError('STORE_CONFLICT'));
      const free = newClaim();
      await change({ claim: free });
      t.strictSame(await other.keys.findClaim(free.id, 0), free);
    }
    t.equal(await keys.get(key.id), null);
    t.strictSame(await roles.get(role.name), role);
    await roles.delete(role.name, 1);
  });

  await t.test('of changes at the same time with one claim, one is made', async (t) => {
    const claim = newClaim();
    const rivals = Array.from({ length: 8 }, (_, i) => ({ record: newRecord(), answer: `the answer of ${i}` }));
    const outcomes = await Promise.allSettled(
      rivals.map(({ record, answer }, i) =>
        (i % 2 === 0 ? keys : other.keys).create(record, { claim: { ...claim, answer }, event: newEvent() }),
      ),
    );
    const winners = outcomes.flatMap((outcome, i) => (outcome.status === 'fulfilled' ? [rivals[i]] : []));
    t.equal(winners.length, 1);
    t.strictSame(await keys.findClaim(claim.id, 0), { ...claim, answer: winners[0]?.answer });
    const stored = await Promise.all(rivals.map(({ record }) => keys.get(record.id)));
    t.equal(stored.filter((record) => record !== null).length, 1);
  });

  await t.test('a claim that has ended is free again', async (t) => {
    const past = newClaim({ expiresAt: Date.now() - 1_000 });
    await keys.create(newRecord(), { claim: past });
    t.equal(await keys.findClaim(past.id, Date.now()), null);
    const brief = { ...past, expiresAt: Date.now() + 100 };
    await keys.create(newRecord(), { claim: brief });
    const again = newClaim({ id: brief.id, answer: 'another' });
    const record = newRecord();
    let isMade = false;
    while (!isMade) {
      isMade = await other.keys.create(record, { claim: again }).then(
        () => true,
        () => false,
      );
    }
    t.ok(Date.now() >= brief.expiresAt, 'and no earlier');
    t.strictSame(await keys.findClaim(brief.id, Date.now()), again);
  });

  await t.test('claims that have ended are forgotten, and no others', async (t) => {
    const now = Date.now();
    const [past, present] = [newClaim({ expiresAt: now - 1_000 }), newClaim()];
    await keys.create(newRecord(), { claim: past });
    await keys.create(newRecord(), { claim: present });
    while ((await other.keys.pruneClaims(now)) > 0);
    t.equal(await keys.findClaim(past.id, 0), null);
    t.strictSame(await keys.findClaim(present.id, now), present);
    t.equal(await keys.pruneClaims(now), 0);
  });
}
