import fc from 'fast-check';
import t from 'tap';
import { durationText, formatDuration, parseDuration } from '../../src/core/duration.ts';
import { holds } from '../support/random.ts';

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

t.test('people are told the two largest units, and nothing too early', async (t) => {
  const known: [number, string][] = [
    [0, '0 s'],
    [1, '1 s'],
    [1000, '1 s'],
    [59_001, '1 min'],
    [61_000, '1 min 1 s'],
    [3_599_001, '1 h'],
    [43_961_000, '12 h 13 min'],
    [86_399_999, '1 d'],
    [86_400_001, '1 d 1 h'],
    [3_456_000_000, '40 d'],
  ];
  for (const [ms, text] of known) t.equal(durationText(ms), text);
});

t.test('what is written is read back as the same time', async () => {
  holds(fc.property(fc.nat({ max: 2 ** 45 }), (ms) => parseDuration(formatDuration(ms)) === ms));
});
