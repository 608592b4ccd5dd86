import fc from 'fast-check';
import t from 'tap';
import { jsonFault, placeIn } from '../../src/management/json-scan.ts';
import { holds } from '../support/random.ts';

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** What is refused though JSON.parse takes it. */
const STRICTER = /a second time|__proto__|levels of nesting|surrogate/;

t.test('it takes what JSON.parse takes, but for what can be read in two ways', async (t) => {
  const piece = fc.constantFrom(
    '',
    '"',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '\\',
    '0',
    '-',
    'e',
    '.',
    ' ',
    'a',
    '\u0001',
    'true',
  );
  const edits = fc.array(fc.tuple(fc.nat(), piece), { maxLength: 3 });
  holds(
    fc.property(fc.json(), edits, (json, all) => {
      let text = json;
      for (const [place, inserted] of all) {
        const at = place % (text.length + 1);
        text = text.slice(0, at) + inserted + text.slice(at + (place % 2));
      }
      const fault = jsonFault(text);
      if (fault !== null && STRICTER.test(fault.found)) return true;
      return (fault === null) === parses(text);
    }),
    3000,
  );
  t.pass('whatever the text');
});

t.test('a name is one name however it is escaped, and only within its object', async (t) => {
  t.equal(jsonFault('{"a":{"a":1},"b":[{"a":1},{"a":2}]}'), null);
  t.strictSame(jsonFault('{"a":1,"\\u0061":2}'), { at: 7, found: 'a member named "a" a second time' });
  t.match(jsonFault(`{"${'x'.repeat(99)}":1,"${'x'.repeat(99)}":1}`)?.found, /"x{60}…" a second time/);
});

t.test('depth costs no stack', async (t) => {
  t.equal(jsonFault('['.repeat(32) + ']'.repeat(32)), null);
  t.match(jsonFault('['.repeat(33) + ']'.repeat(33)), { at: 32, found: /levels/ });
  t.match(jsonFault('{"a":'.repeat(100_000)), { found: /levels/ });
});

t.test('a place is a line and a column', async (t) => {
  t.equal(placeIn('', 0), 'line 1, column 1');
  t.equal(placeIn('ab\ncd', 4), 'line 2, column 2');
});
