/** The stored form of a key, read strictly. */
import t from 'tap';
import { decodeRecord, encodeRecord } from '../../src/stores/record.ts';
import { keyRecord } from '../support/keys.ts';

const RECORD = keyRecord();
const JSON_TEXT = encodeRecord(RECORD);

/** The record as somebody else may have written it. */
function withRestrictions(json: string): string {
  const changed = JSON_TEXT.replace('"restrictions":{}', () => `"restrictions":${json}`);
  if (changed === JSON_TEXT) throw new Error('the record has no restrictions to be replaced');
  return changed;
}

t.test('what is stored is read again as it was', (t) => {
  t.strictSame(decodeRecord(RECORD.id, JSON_TEXT), RECORD);
  t.end();
});

t.test('a restriction is kept, or the record is refused, whatever its name', (t) => {
  for (const name of ['asn_restrictions', 'constructor', 'toString', 'hasOwnProperty', '']) {
    const { restrictions } = decodeRecord(RECORD.id, withRestrictions(JSON.stringify({ [name]: 1 })));
    t.strictSame(Object.entries(restrictions), [[name, 1]], name);
  }
  // The schema would leave it out in silence, and the key be restricted by nothing.
  for (const name of ['__proto__', '__pr\\u006fto__']) {
    t.throws(() => decodeRecord(RECORD.id, withRestrictions(`{"${name}":{"x":1}}`)), {
      code: 'STORE_CORRUPT',
      message: `The record of ${RECORD.id} cannot be understood at "restrictions": written by another version, or damaged`,
    });
  }
  t.end();
});

t.test('what is no map of restrictions is refused', (t) => {
  for (const json of ['null', '[]', '"none"', '1']) {
    t.throws(() => decodeRecord(RECORD.id, withRestrictions(json)), { code: 'STORE_CORRUPT' }, json);
  }
  t.end();
});
