import fc from 'fast-check';
import t from 'tap';
import { formatDuration, parseDuration } from '../../src/core/duration.ts';

t.test('a duration is a whole number and a unit', async (t) => {
  const known: Record<string, number> = {
    '100ms': 100,
    '30s': 30_000,
    '15m': 900_000,
    '24h': 86_400_000,
    '90d': 7_776_000_000,
    '0': 0,
    '0s': 0,
    '007s': 7000,
  };
  for (const [text, ms] of Object.entries(known)) t.equal(parseDuration(text), ms, text);
});

t.test('anything else is not one', async (t) => {
  for (const text of ['', 's', '10', '-1s', '1.5h', '1 h', '1h30m', '1w', '1S', '1h\n', ' 1h', '1e3s', 'never', '٣s']) {
    t.equal(parseDuration(text), null, JSON.stringify(text));
  }
});

t.test('a duration too long to count exactly is refused, not rounded', async (t) => {
  t.equal(parseDuration('104249991d'), 104_249_991 * 86_400_000);
  t.equal(parseDuration('999999999999999d'), null);
  t.equal(parseDuration('9999999999999999999999ms'), null);
});

t.test('the largest whole unit is written', async (t) => {
  const known: [number, string][] = [
    [0, '0s'],
    [1, '1ms'],
    [1500, '1500ms'],
    [90_000, '90s'],
    [5_400_000, '90m'],
    [86_400_000, '1d'],
    [90_000_000, '25h'],
  ];
  for (const [ms, text] of known) t.equal(formatDuration(ms), text);
});

t.test('what is written is read back as the same time', async () => {
  fc.assert(fc.property(fc.nat({ max: 2 ** 45 }), (ms) => parseDuration(formatDuration(ms)) === ms));
});
