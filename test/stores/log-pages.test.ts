import t from 'tap';
import { decodeEntry, encodeEntry } from '../../src/stores/log-pages.ts';
import { entry } from '../conformance/request-log.ts';

t.test('an entry of an earlier version, and one of a later that added to it, are understood', async (t) => {
  const whole = entry('key_a', { wouldDeny: ['ip_blocked'] });
  const values: unknown[] = JSON.parse(encodeEntry(whole));
  t.equal(values.length, 11);
  t.strictSame(decodeEntry('key_a', JSON.stringify([...values, { later: true }])), whole);
  const earlier = JSON.stringify(values.slice(0, 10));
  t.strictSame(decodeEntry('key_a', earlier), { ...whole, wouldDeny: [] });
  t.equal(encodeEntry({ ...whole, wouldDeny: [] }), earlier, 'nothing in shadow takes no room');
  for (const wrong of ['ip_blocked', [1], null]) {
    t.equal(decodeEntry('key_a', JSON.stringify([...values.slice(0, 10), wrong])), null);
  }
  t.equal(decodeEntry('key_a', JSON.stringify(values.slice(0, 9))), null);
});
