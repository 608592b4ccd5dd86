import t from 'tap';
import {
  BEGINNING,
  type Change,
  changesAfter,
  changesFromNow,
  MAX_CHANGES,
  roleSubject,
} from '../../src/stores/change-cursor.ts';

function log(from: number, count: number): Change[] {
  return Array.from({ length: count }, (_, i) => ({ position: String(from + i), subject: `key_${from + i}` }));
}

t.test('what came after the cursor is listed, and the cursor moves to its end', async (t) => {
  const rest = { rolesChanged: false, hasImported: false };
  t.strictSame(changesAfter('5', log(5, 3), false), { cursor: '7', changed: ['key_6', 'key_7'], ...rest });
  t.strictSame(changesAfter('5', log(5, 1), false), { cursor: '5', changed: [], ...rest });
  t.strictSame(changesAfter(BEGINNING, log(1, 2), false), { cursor: '2', changed: ['key_1', 'key_2'], ...rest });
  t.strictSame(changesAfter(BEGINNING, [], false), { cursor: BEGINNING, changed: [], ...rest });
});

t.test('a change of a role is told, and is no key', async (t) => {
  const changes = [...log(5, 2), { position: '7', subject: roleSubject('on_call') }, ...log(8, 1)];
  const expected = { cursor: '8', changed: ['key_6', 'key_8'], rolesChanged: true, hasImported: true };
  t.strictSame(changesAfter('5', changes, true), expected);
  t.match(changesAfter('7', changes.slice(2), true), { changed: ['key_8'], rolesChanged: false }, 'told once');
});

t.test('a cursor that is no longer in the log tells nothing', async (t) => {
  const nothing = { changed: null, rolesChanged: true, hasImported: false };
  t.strictSame(changesAfter('5', log(6, 2), false), { cursor: '7', ...nothing }, 'forgotten among too many');
  t.strictSame(changesAfter('5', [], false), { cursor: BEGINNING, ...nothing }, 'lost with the data');
  t.strictSame(changesFromNow('7', false), { cursor: '7', ...nothing }, 'there was none');
  t.strictSame(changesFromNow(undefined, false), { cursor: BEGINNING, ...nothing });
});

t.test('too many changes are not listed', async (t) => {
  t.equal(changesAfter('1', log(1, MAX_CHANGES), false).changed?.length, MAX_CHANGES - 1);
  t.equal(changesAfter('1', log(1, MAX_CHANGES + 1), false).changed, null);
  t.equal(changesAfter(BEGINNING, log(1, MAX_CHANGES), false).changed, null, 'the first of them may be forgotten');
});
