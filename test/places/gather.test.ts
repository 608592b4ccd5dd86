/** Pieces that come one after the other, put together. */
import t from 'tap';
import { gather } from '../../src/places/gather.ts';

async function* pieces(texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

t.test('what came is put together, up to the limit', async (t) => {
  t.strictSame(String(await gather(pieces(['ab', '', 'c', 'def']), 6)), 'abcdef');
  t.strictSame(String(await gather(pieces([]), 6)), '');
  t.equal(await gather(pieces(['ab', 'cdef', 'g']), 6), null);
  const long = 'x'.repeat(50_000);
  t.strictSame(String(await gather(pieces(Array(5).fill(long)), 250_000)), long.repeat(5));
  t.equal(await gather(pieces(Array(6).fill(long)), 250_000), null);
});

t.test('of a piece nothing is kept but what was in it', async (t) => {
  const one = new Uint8Array(1);
  // The same memory again and again: whoever keeps pieces has the last of them many times.
  async function* single(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < 1_000; i++) {
      one[0] = i % 256;
      yield one;
    }
  }
  t.strictSame(await gather(single(), 1_000), Buffer.from(Array.from({ length: 1_000 }, (_, i) => i % 256)));
});

t.test('when there is too much, the rest is not waited for', async (t) => {
  let hasEnded = false;
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield new Uint8Array(10);
    } finally {
      hasEnded = true;
    }
  }
  t.strictSame([await gather(endless(), 95), hasEnded], [null, true]);
});
