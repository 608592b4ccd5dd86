import t from 'tap';
import { setUp } from './fixture.ts';

t.test(
  'a record that cannot be read is no wrong key and no outage: its key alone is refused, and the log told why',
  async (t) => {
    const { ask, damage, gate, issue } = await setUp(t);
    const good = await issue();
    for (const damaged of ['{"id":', '{}', 'newer', 'foreign']) {
      const bad = await issue();
      const { id } = bad.record;
      const newer = JSON.stringify({ ...bad.record, quorum: 2 });
      damage(id, { newer, foreign: JSON.stringify(good.record) }[damaged] ?? damaged);
      const { denial, key } = await ask({ secret: bad.secret });
      t.equal(key, null);
      t.strictSame(denial?.code, 'key_store_unavailable', damaged);
      t.equal(denial?.detail, 'What is stored of this key cannot be read by this gateway.');
      t.strictSame(denial?.facts, {}, 'and to try again soon would not help');
      t.match(denial?.reason, id, 'the reason names the key');
      t.notMatch(`${denial?.detail}${denial?.reason}`, bad.record.secret.digest);
      if (damaged === 'newer') t.match(denial?.reason, /"quorum"/, 'and the field');
      t.match(await ask({ secret: good.secret }), { denial: null }, 'other keys work');
    }
    t.equal(gate.failures.blockedFor('203.0.113.7', gate.clock.now()), 0, 'no attempt failed');
    t.match(await ask({ secret: (await issue()).secret }), { denial: null }, 'and those that are not in memory too');
  },
);

t.test('a key that is mended works again, and one that is damaged in memory stops with the next change', async (t) => {
  const { ask, damage, directory, issue, real } = await setUp(t);
  const { record, secret } = await issue();
  damage(record.id, '{}');
  t.match(await ask({ secret }), { denial: { code: 'key_store_unavailable' } });
  damage(record.id, JSON.stringify(record));
  t.match(await ask({ secret }), { denial: null });
  // As when a newer version changes it.
  await real.replace({ ...record, name: 'x', version: 2 });
  damage(record.id, JSON.stringify({ ...record, version: 2, quorum: 2 }));
  await directory.poll();
  t.match(await ask({ secret }), { denial: { code: 'key_store_unavailable' } });
});

t.test('a restriction of a newer version is read with the key, and refuses it, whatever is in shadow', async (t) => {
  const { ask, damage, directory, issue } = await setUp(t);
  const { record, secret } = await issue({ shadow: ['ip', 'limits'] });
  const restrictions = { device_restrictions: ['x'], ip_restrictions: ['192.0.2.1'] };
  damage(record.id, JSON.stringify({ ...record, restrictions, shadow: ['device', 'ip'] }));
  await directory.poll();
  t.match(await ask({ secret }), {
    key: { record: { id: record.id } },
    lease: null,
    denial: {
      code: 'restriction_unreadable',
      detail: 'A restriction on this key cannot be read by this gateway.',
      reason: '"device_restrictions" is no restriction of this version',
    },
  });
});
