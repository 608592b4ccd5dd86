import { hash } from 'node:crypto';
import t from 'tap';
import { newSecret } from '../../src/keys/secret.ts';
import { KEY_COLUMNS, V1_COLUMNS } from '../../src/management/transfer/columns.ts';
import { TransferError } from '../../src/management/transfer/fault.ts';
import { type Row, readRows } from '../../src/management/transfer/rows.ts';
import { fromHash, fromSecret, secretFault } from '../../src/management/transfer/secret-input.ts';
import { linesOf, wholeText } from '../../src/management/transfer/text.ts';
import { expiryValue, listValue, permissionsValue, timeValue, Wrong } from '../../src/management/transfer/values.ts';
import { HASHER } from '../support/keys.ts';

const SECRET = 'legacy-secret-0001';

/** Rows as `[line, fields]`, and what is wrong with the others as texts. */
async function rows(text: string, columns = KEY_COLUMNS): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const row of readRows(text, columns)) {
    if (isRow(row)) found.push([row.line, Object.fromEntries(row.fields)]);
    else found.push(...row.map(({ line, field, message }) => `${line} ${field}: ${message}`));
  }
  return found;
}

function isRow(row: Row | readonly unknown[]): row is Row {
  return 'fields' in row;
}

async function failure(text: string, columns = KEY_COLUMNS): Promise<string> {
  try {
    await rows(text, columns);
    return 'read';
  } catch (error) {
    if (error instanceof TransferError) return `${error.line}: ${error.message}`;
    throw error;
  }
}

async function* bytes(...pieces: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield Buffer.from(piece);
}

t.test('CSV: names of columns in any case, quotes, other delimiters, and the line of each row', async (t) => {
  const text = `Name,KEY,Expires At,metadata.Team\n"a ""b""\nc",${SECRET},,x\n\nd,other,2030-01-01,\n`;
  t.strictSame(await rows(text), [
    [2, { name: 'a "b"\nc', secret: SECRET, 'metadata.Team': 'x' }],
    [5, { name: 'd', secret: 'other', expires_at: '2030-01-01' }],
  ]);
  t.strictSame(await rows('name;permissions;value\na;"b:c;d:e";x'), [
    [2, { name: 'a', permissions: 'b:c;d:e', secret: 'x' }],
  ]);
  t.strictSame(await rows('name\tvalue\na\tx, y\n'), [[2, { name: 'a', secret: 'x, y' }]]);
  t.strictSame(await rows('Name,Value,Created\n a , x ,2020\n', V1_COLUMNS), [
    [2, { name: 'a', secret: 'x', created_at: '2020' }],
  ]);
  t.strictSame(await rows('name,value\na\nb,c,d\n'), [
    '2 null: has 1 cells where the header has 2; put cells with a comma in quotes',
    '3 null: has 3 cells where the header has 2; put cells with a comma in quotes',
  ]);
});

t.test('what is no CSV is told by its line, and never quoted', async (t) => {
  t.match(await failure(`name,value\na,"${SECRET}\nb,c\n`), /^\d: is not CSV here: a quotation mark is not closed$/);
  t.match(
    await failure(`name,value\na,b\nc,${SECRET}"d\n`),
    '3: is not CSV here: a quotation mark stands inside a cell',
  );
  t.match(await failure(`name,value\n"a"${SECRET},b\n`), '2: is not CSV here');
  t.match(await failure(`name,value\na,${'x'.repeat(70_000)}\n`), 'the row is too long');
  t.equal(await failure(''), 'null: holds no keys');
  t.equal(await failure('name,value\n'), 'null: holds no keys', 'a header alone');
});

t.test('a column that is not known names the nearest, and a header that is missing gives nothing away', async (t) => {
  t.match(await failure('name,secert\na,b'), 'column 2: "secert" is no known column; did you mean "secret"?');
  t.match(await failure('name,key,token\na,b,c'), 'column 3: "secret" is given by another column already');
  t.match(await failure('Name,Value,Owner\na,b,c', V1_COLUMNS), '"Owner" is no known column');
  const said = await failure(`ci,${SECRET}\n`);
  t.match(said, 'the first row must name the columns');
  t.match(said, 'expected name, secret, key');
  t.notMatch(said, SECRET);
});

t.test(
  'JSON: an array, an object that holds one as "keys", or an object to a line, each row with its line',
  async (t) => {
    const expected = [
      { name: 'a', secret: 'x' },
      { name: 'b', secret: '}]"\\' },
    ];
    const first = '{"name":"a","Token":"x"}';
    const second = '{\n"name": "b", "secret": "}]\\"\\\\", "owner": null}';
    t.strictSame(await rows(`[${first},\n ${second}\n]\n`), [
      [1, expected[0]],
      [2, expected[1]],
    ]);
    t.strictSame(await rows(`{"total": [1, {"keys": 2}], "keys" : [\n${first} , ${second}], "next": null}`), [
      [2, expected[0]],
      [2, expected[1]],
    ]);
    t.strictSame(await rows(`${first}\n\n${second.replaceAll('\n', '')}\n`), [
      [1, expected[0]],
      [3, expected[1]],
    ]);
    t.equal(await failure('[]'), 'null: holds no keys');
    t.match(await failure(`[${first}\n${first}]`), '2: is not JSON here: expected a comma, or the end of the array');
    t.match(
      await failure(`[${first},\n{"name": "${SECRET}"`),
      '2: is not JSON here: a value is missing or does not end',
    );
    const wrong = await rows(`[1,\n"${SECRET}",{"name": "a" ${SECRET}},\n{"nme": "a"},{"key":"a","token":"b"}]`);
    t.match(wrong, [
      /^1 null: is no object/,
      /^2 null: is no object/,
      /^2 null: is not JSON: /,
      /^3 null: "nme" is no known column; did you mean "name"\?/,
      '3 secret: is given twice, under two names',
    ]);
    t.notMatch(JSON.stringify(wrong), SECRET);
  },
);

t.test('a text is UTF-8 with or without a mark, its lines end as they may, and it is bounded', async (t) => {
  t.equal(await wholeText(bytes('\ufeffa\r\nb\n'), 100), 'a\nb\n');
  const euro = Buffer.from('€');
  t.equal(
    await wholeText(bytes('a\n', euro.subarray(0, 1), euro.subarray(1)), 100),
    'a\n€',
    'a character in two pieces',
  );
  const lines: unknown[] = [];
  for await (const { number, text } of linesOf(bytes('a\r', '\nb\n\nc'), { maxBytes: 100, maxLine: 9 })) {
    lines.push([number, text]);
  }
  t.strictSame(lines, [
    [1, 'a'],
    [2, 'b'],
    [3, ''],
    [4, 'c'],
  ]);
  await t.rejects(wholeText(bytes('a\nb', new Uint8Array([0xff])), 100), { line: 2, message: /is not UTF-8/ });
  await t.rejects(wholeText(bytes('a', euro.subarray(0, 2)), 100), { message: /is not UTF-8/ }, 'cut in a character');
  await t.rejects(wholeText(bytes('abc', 'def'), 5), { message: 'is too large; expected at most 5 bytes' });
  const tooLong = async (): Promise<void> => {
    for await (const { number } of linesOf(bytes('ab\nabcdef'), { maxBytes: 100, maxLine: 5 })) t.equal(number, 1);
  };
  await t.rejects(tooLong(), { line: 2, message: /is too long/ });
});

t.test('a hash is the same in every form that people write, and finds what its secret finds', async (t) => {
  const plain = fromSecret(SECRET, HASHER);
  const hex = hash('sha256', SECRET, 'hex');
  const bytesOf = Buffer.from(hex, 'hex');
  for (const text of [
    hex,
    hex.toUpperCase(),
    `sha256:${hex}`,
    bytesOf.toString('base64'),
    bytesOf.toString('base64url'),
  ]) {
    t.equal(fromHash(text)?.digest, plain.digest, text);
    t.match(fromHash(text), { identity: plain.identity, imported: true });
  }
  for (const text of ['', 'abc', hex.slice(1), `${hex}0`, `${hex.slice(1)}g`, SECRET])
    t.equal(fromHash(text), null, text);
  t.match(plain, { imported: true, hint: '…' });
  t.match(fromSecret(newSecret('lk'), HASHER), { imported: false, hint: /^lk_…\w{4}$/ });
});

t.test('secrets that are weak, cannot be sent or are mistyped are told apart', async (t) => {
  t.equal(secretFault(SECRET, 16), null);
  t.equal(secretFault('a:b/c+d=e!f~g#h$', 16), null);
  t.match(secretFault('fifteen-letters', 16), 'has 15 characters, so few that it can be guessed');
  t.equal(secretFault('8-letter', 8), null);
  t.match(secretFault('7-lette', 8), 'expected at least 8');
  for (const text of ['with a space in the middle', 'tab\tin-the-middle-of-it', 'schlüssel-0123456789']) {
    t.match(secretFault(text, 16), 'which an Authorization header cannot carry');
  }
  t.match(secretFault('x'.repeat(513), 16), 'expected at most 512');
  const own = newSecret('lk');
  t.equal(secretFault(own, 16), null);
  t.match(secretFault(own.slice(0, -1) + (own.endsWith('0') ? '1' : '0'), 16), 'a wrong checksum');
});

t.test('values in the ways that people write them', async (t) => {
  for (const value of [
    'a:b c:d',
    'a:b; c:d',
    'a:b,c:d',
    ['a:b', 'c:d'],
    { a: ['b'], c: ['d'] },
    { a: { b: true, x: false }, c: { d: true } },
  ]) {
    t.strictSame(permissionsValue(value), ['a:b', 'c:d']);
  }
  for (const value of [1, { a: 1 }, { a: [1] }, { a: { b: 1 } }, [1]]) t.ok(permissionsValue(value) instanceof Wrong);
  t.ok(listValue(Array.from({ length: 10_001 }, () => 'a')) instanceof Wrong);
  const noon = Date.UTC(2024, 4, 1, 12);
  for (const value of [
    '2024-05-01T12:00:00Z',
    '2024-05-01 12:00',
    '2024-05-01T12:00:00.000000',
    '2024-05-01 12:00:00 UTC',
    '2024-05-01T14:00:00+02:00',
    '2024-05-01T14:00:00+0200',
    '1714564800',
    1_714_564_800,
    1_714_564_800_000,
  ]) {
    t.equal(timeValue(value), noon, String(value));
  }
  t.equal(timeValue('2024-05-01'), Date.UTC(2024, 4, 1));
  for (const value of ['2024-02-30', '01/05/2024', 'soon', '', '2024-05-01T25:00', '1969-12-31', true, '2024']) {
    t.ok(timeValue(value) instanceof Wrong, String(value));
  }
  t.equal(expiryValue('Never'), null);
});
