import t from 'tap';
import { BEGINNING, type Change, changesAfter, MAX_CHANGES } from '../../src/stores/change-cursor.ts';

function log(from: number, count: number): Change[] {
  return Array.from({ length: count }, (_, i) => ({ position: String(from + i), keyId: `key_${from + i}` }));
}

t.test('what came after the cursor is listed, and the cursor moves to its end', async (t) => {
  t.strictSame(changesAfter('5', log(5, 3)), { cursor: '7', changed: ['key_6', 'key_7'] });
  t.strictSame(changesAfter('5', log(5, 1)), { cursor: '5', changed: [] });
  t.strictSame(changesAfter(BEGINNING, log(1, 2)), { cursor: '2', changed: ['key_1', 'key_2'] });
  t.strictSame(changesAfter(BEGINNING, []), { cursor: BEGINNING, changed: [] });
});

t.test('a cursor that is no longer in the log tells nothing', async (t) => {
  t.strictSame(changesAfter('5', log(6, 2)), { cursor: '7', changed: null }, 'forgotten among too many');
  t.strictSame(changesAfter('5', []), { cursor: BEGINNING, changed: null }, 'lost with the data');
});

t.test('too many changes are not listed', async (t) => {
  t.equal(changesAfter('1', log(1, MAX_CHANGES)).changed?.length, MAX_CHANGES - 1);
  t.equal(changesAfter('1', log(1, MAX_CHANGES + 1)).changed, null);
  t.equal(changesAfter(BEGINNING, log(1, MAX_CHANGES)).changed, null, 'the first of them may be forgotten');
});
