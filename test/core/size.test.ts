import fc from 'fast-check';
import t from 'tap';
import { formatSize, parseSize } from '../../src/core/size.ts';
import { holds } from '../support/random.ts';

t.test('a size is a whole number and a binary unit, or a number of bytes', async (t) => {
  const known: Record<string, number> = {
    '0': 0,
    '512': 512,
    '512B': 512,
    '64KiB': 65_536,
    '10MiB': 10_485_760,
    '1GiB': 2 ** 30,
    '1TiB': 2 ** 40,
  };
  for (const [text, bytes] of Object.entries(known)) t.equal(parseSize(text), bytes, text);
});

t.test('anything else is not one', async (t) => {
  for (const text of ['', 'KiB', '1KB', '1kib', '-1', '1.5MiB', '1 MiB', '1MiB\n', '0x10', '9999999TiB', 'unlimited']) {
    t.equal(parseSize(text), null, JSON.stringify(text));
  }
});

t.test('the largest whole unit is written, and read back as the same size', async (t) => {
  t.equal(formatSize(0), '0B');
  t.equal(formatSize(1536), '1536B');
  t.equal(formatSize(16_384), '16KiB');
  t.equal(formatSize(2 ** 30), '1GiB');
  holds(fc.property(fc.nat({ max: 2 ** 50 }), (bytes) => parseSize(formatSize(bytes)) === bytes));
});
