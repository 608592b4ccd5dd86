import t from 'tap';
import { EntriesFromEnd } from '../../src/core/entries.ts';

/** All entries, as they come; a list that does not end is cut off. */
function entries(text: string): string[] {
  const reader = new EntriesFromEnd(text);
  const found: string[] = [];
  for (let entry = reader.previous(); entry !== null && found.length < 10; entry = reader.previous()) found.push(entry);
  return found;
}

t.test('entries come from the last to the first, as they are written', async (t) => {
  t.strictSame(entries('a, b ,\tc'), ['\tc', ' b ', 'a']);
  t.strictSame(entries('a'), ['a']);
});

t.test('between two commas, before the first and behind the last there is an entry, if an empty one', async (t) => {
  t.strictSame(entries(''), ['']);
  t.strictSame(entries(','), ['', '']);
  t.strictSame(entries(',a,,b,'), ['', 'b', '', 'a', '']);
});

t.test('quotes hide no comma', async (t) => {
  t.strictSame(entries('x=",for=a,y="b,c"'), ['c"', 'y="b', 'for=a', 'x="']);
});
