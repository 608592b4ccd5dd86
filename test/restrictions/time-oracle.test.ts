import t from 'tap';
import type { TimeRestriction } from '../../src/core/key.ts';
import { NO_PLACES } from '../../src/core/places.ts';
import { compileRestrictions } from '../../src/restrictions/compile.ts';
import { nextOpening } from '../../src/restrictions/openings.ts';
import { openSpans } from '../../src/restrictions/windows.ts';
import { minuteOfWeek, wallClock } from '../../src/restrictions/zone.ts';
import { view } from '../support/keys.ts';
import { randomFrom, SEED } from '../support/random.ts';
import { nextOpenMinutes, openMinutes, type Walk, walk } from './time-oracle.ts';

const MINUTE = 60_000;
const DAY = 1440;
const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'];

/** Hours that clocks skip and hours that they show twice lie inside, at the edges and around these. */
const RULES: readonly [hours: string[], days: string[]][] = [
  [['09:00-17:00'], WEEKDAYS],
  [['22:00-02:30'], ['saturday', 'thursday']],
  [['02:15-02:20'], ['sunday']],
  [
    ['00:00-00:30', '12:00-12:01', '23:45-24:00'],
    ['friday', 'saturday', 'sunday'],
  ],
  [['01:30-02:10', '03:05-01:10'], []],
  [[], ['sunday', 'friday']],
];

/** Years in which a zone does what few do. */
const ODD: readonly [timezone: string, year: number][] = [
  ['Pacific/Apia', 2011], // a Friday that never was
  ['Africa/Casablanca', 2027], // the clocks go back for Ramadan
  ['Africa/Cairo', 2010], // forward twice and back twice
  ['America/Havana', 2027], // at midnight
  ['Asia/Beirut', 2027], // at midnight, to the day before
  ['America/Asuncion', 2024], // at midnight, and then no more
  ['America/St_Johns', 2010], // at one minute past midnight, by an offset of half an hour
  ['Asia/Kathmandu', 1985], // from +05:30 to +05:45 at the end of the year
  ['Antarctica/Troll', 2027], // by two hours
];

function ruleOf(timezone: string, [hours, days]: (typeof RULES)[number]): TimeRestriction {
  return { timezone, allowed_hours: hours, allowed_days: days };
}

/** Where the arithmetic and the walk differ: the first few. */
class Differences {
  readonly list: string[] = [];
  readonly #rule: string;

  constructor(rule: TimeRestriction) {
    this.#rule = `${rule.timezone} ${rule.allowed_hours.join(',')} ${rule.allowed_days.join(',')}`;
  }

  expect(at: number, found: unknown, wanted: unknown): void {
    if (found === wanted || this.list.length >= 5) return;
    this.list.push(`${this.#rule} at ${new Date(at).toISOString()}: ${String(found)} for ${String(wanted)}`);
  }
}

/** Every minute of the year: is it open? */
function everyMinute(rule: TimeRestriction, { from }: Walk, open: Uint8Array): string[] {
  const differences = new Differences(rule);
  const isOpen = new Uint8Array(7 * DAY);
  const spans = openSpans(rule);
  for (let s = 0; s < spans.length; s += 2) isOpen.fill(1, spans[s], spans[s + 1]);
  const clock = wallClock(rule.timezone);
  for (let i = 0; i < open.length; i++) {
    const at = (from + i) * MINUTE;
    const found = isOpen[minuteOfWeek(clock?.minutesAt(at) ?? Number.NaN)];
    if (found !== open[i]) differences.expect(at, found, open[i]);
  }
  return differences.list;
}

/** The minutes of the weeks in which the clocks change, and some others: those at which all the rest is compared. */
function telling({ shown, changes }: Walk): number[] {
  const year = shown.length - 16 * DAY;
  const near = changes.flatMap((change) => Array.from({ length: 7 * DAY }, (_, i) => change - 3.5 * DAY + i));
  const random = randomFrom(SEED);
  const others = Array.from({ length: 2_000 }, () => random(year));
  return [...near.filter((i) => i >= 0 && i < year), ...others];
}

function openings(rule: TimeRestriction, { from }: Walk, open: Uint8Array, minutes: readonly number[]): string[] {
  const differences = new Differences(rule);
  const [restriction] = compileRestrictions({ time_restrictions: rule }, NO_PLACES, new Set());
  const spans = openSpans(rule);
  const clock = wallClock(rule.timezone);
  const next = nextOpenMinutes(open);
  for (const [n, i] of minutes.entries()) {
    // At the start of a minute, and later in it.
    const at = (from + i) * MINUTE + (n % 2) * 59_999;
    const wanted = (from + (next[i] ?? -1)) * MINUTE;
    if (clock !== null) differences.expect(at, nextOpening(spans, clock, at), wanted);
    // The rule as a whole takes ten times as long, for what it says to the caller.
    if (n % 7 !== 0) continue;
    const denial = restriction?.test(view({ at }));
    const isOpen = open[i] === 1;
    differences.expect(at, denial?.code, isOpen ? undefined : 'outside_allowed_hours');
    differences.expect(at, denial?.facts.retry_at, isOpen ? undefined : new Date(wanted).toISOString());
  }
  return differences.list;
}

function compare(timezone: string, year: number): string[] {
  const walked = walk(timezone, year);
  const minutes = telling(walked);
  return RULES.flatMap((each) => {
    const rule = ruleOf(timezone, each);
    const open = openMinutes(rule, walked);
    return [...everyMinute(rule, walked, open), ...openings(rule, walked, open, minutes)];
  });
}

for (const timezone of ['UTC', 'Europe/Amsterdam', 'America/New_York', 'Australia/Lord_Howe']) {
  t.test(`${timezone}: rules are open and open again when a walk through the year says so`, async (t) => {
    // In 2007 New York began to change its clocks on other days.
    for (const year of [2007, 2027]) t.strictSame(compare(timezone, year), [], `${year}`);
  });
}

t.test('so they are in zones and years in which odd things were done to the clocks', async (t) => {
  for (const [timezone, year] of ODD) t.strictSame(compare(timezone, year), [], `${timezone} ${year}`);
});
