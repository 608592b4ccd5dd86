import t from 'tap';
import { ChunkedReader } from '../../../src/gateway/fast/chunked-reader.ts';
import { randomFrom, SEED } from '../../support/random.ts';

interface Read {
  readonly data: string;
  readonly isDone: boolean;
  /** What was left behind the body. */
  readonly rest: string;
}

/** Reads chunks that come in these pieces, each in the middle of larger memory. */
function read(pieces: readonly string[], maxTrailerBytes = 1000): Read {
  const reader = new ChunkedReader(maxTrailerBytes);
  reader.begin();
  let data = '';
  let rest = '';
  for (const piece of pieces) {
    const memory = Buffer.from(`..${piece}..`, 'latin1');
    const to = 2 + piece.length;
    let at = 2;
    while (at < to && !reader.isDone) {
      at = reader.read(memory, at, to);
      data += memory.toString('latin1', reader.dataStart, reader.dataEnd);
    }
    rest += piece.slice(at - 2);
    t.equal(memory.toString('latin1', 2 + piece.length), '..', 'nothing behind the bytes is written');
  }
  return { data, isDone: reader.isDone, rest };
}

t.test('chunks of all sizes, however they come', async (t) => {
  const random = randomFrom(SEED);
  for (let round = 0; round < 200; round++) {
    let body = '';
    let wire = '';
    for (let left = random(6); left > 0; left--) {
      const piece = '0\r\nab;'.repeat(1 + random(20)).slice(0, 1 + random(60));
      const size = random(2) === 0 ? piece.length.toString(16) : `00${piece.length.toString(16).toUpperCase()}`;
      wire += `${size}${random(3) === 0 ? ';a=b' : ''}\r\n${piece}\r\n`;
      body += piece;
    }
    wire += `0\r\n${random(2) === 0 ? 'X-Trailer: a\r\nY:\r\n' : ''}\r\n`;
    const pieces: string[] = [];
    for (let at = 0; at < wire.length; ) {
      const to = at + 1 + random(random(2) === 0 ? 3 : 80);
      pieces.push(wire.slice(at, to));
      at = to;
    }
    t.strictSame(read(pieces), { data: body, isDone: true, rest: '' });
    t.strictSame(read([`${wire}more`]), { data: body, isDone: true, rest: 'more' });
    t.equal(read([wire.slice(0, -1)]).isDone, false);
  }
});

t.test('what is no chunk is refused', async (t) => {
  const wrong = [
    'zz\r\n',
    '\r\n',
    ';a\r\n',
    ' 1\r\na\r\n',
    '1 \r\na\r\n',
    '-1\r\n',
    '0x1\r\na\r\n',
    '1\na\r\n',
    '1\rX',
    '1\r\nab',
    '1\r\na\n',
    '1\r\na\rX',
    '1\r\na\r\n\r\n',
    '1;\r\n',
    '1; a\r\n',
    '1;a b\r\n',
    '1;a\n',
    '1;a=\0\r\n',
    '1;a="\r\n',
    '1;a="\\\n',
    '0\r\n\n',
    '0\r\nX\r\n',
    '0\r\nX : 1\r\n',
    '0\r\n: 1\r\n',
    '0\r\nX: 1\n',
    '0\r\nX: \0\r\n',
    '0\r\nX: 1\r\n folded\r\n',
    '0\r\n\rX',
    '1fffffffffffff1\r\n',
    '0000000000000000\r\n',
  ];
  for (const bytes of wrong) {
    for (const pieces of [[bytes], bytes.split('')]) {
      t.throws(() => read(pieces), { code: 'invalid_answer' }, JSON.stringify(bytes));
    }
  }
});

t.test('what is thrown away has a bound', async (t) => {
  t.ok(read([`1;a=${'b'.repeat(4000)}\r\na\r\n`.repeat(3), '0\r\n\r\n']).isDone, 'for each chunk anew');
  t.throws(() => read([`1;a=${'b'.repeat(5000)}`]), { code: 'invalid_answer' });
  t.ok(read([`0\r\nX: ${'a'.repeat(50)}\r\n\r\n`], 70).isDone);
  t.throws(() => read([`0\r\nX: ${'a'.repeat(70)}`], 70), { code: 'invalid_answer' });
  t.throws(() => read(['0\r\n', 'X: a\r\n'.repeat(20)], 70), { code: 'invalid_answer' });
});
