import t from 'tap';
import type { TimeRestriction } from '../../src/core/key.ts';
import { NO_PLACES } from '../../src/core/places.ts';
import { compileRestrictions } from '../../src/restrictions/index.ts';
import { UNRESTRICTED, view } from '../support/keys.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
const NAMES = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/**
 * The same question answered in another way: the wall clock as Intl writes it, `Sunday 02:15`, compared as text with
 * the windows. No offsets, no arithmetic on minutes.
 */
function oracle({ timezone, allowed_hours, allowed_days }: TimeRestriction): (at: number) => boolean {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: timezone,
    weekday: 'long',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const onDay = (name: string): boolean => allowed_days.length === 0 || allowed_days.includes(name.toLowerCase());
  return (at) => {
    const [today = '', time = ''] = format.format(at).replace(',', '').split(' ');
    const yesterday = NAMES[(NAMES.indexOf(today) + 6) % 7] ?? '';
    const windows = allowed_hours.length === 0 ? ['00:00-24:00'] : allowed_hours;
    return windows.some((window) => {
      const [from = '', to = ''] = window.split('-');
      if (from < to) return onDay(today) && from <= time && time < to;
      return (onDay(today) && from <= time) || (onDay(yesterday) && time < to);
    });
  };
}

function disagreements(rule: TimeRestriction, from: number, to: number, step: number): string[] {
  const [compiled] = compileRestrictions({ ...UNRESTRICTED, time_restrictions: rule }, NO_PLACES);
  const expected = oracle(rule);
  const found: string[] = [];
  for (let at = from; at < to; at += step) {
    const open = (compiled?.(view({ at })) ?? null) === null;
    if (open !== expected(at)) found.push(`${rule.timezone} ${new Date(at).toISOString()}: ${open}`);
  }
  return found.slice(0, 5);
}

/** Hours that are skipped and hours that come twice lie inside, at the edges and around these. */
const HOURS = [['02:00-03:00'], ['01:45-02:15', '02:30-02:31'], ['22:00-02:30'], ['23:30-00:30', '03:00-24:00'], []];
const ZONES = ['Europe/Amsterdam', 'America/New_York', 'Australia/Lord_Howe'];
/** The days on which these zones change their clocks in 2026. */
const CHANGES: Readonly<Record<string, readonly string[]>> = {
  'Europe/Amsterdam': ['2026-03-29', '2026-10-25'],
  'America/New_York': ['2026-03-08', '2026-11-01'],
  'Australia/Lord_Howe': ['2026-04-05', '2026-10-04'],
};

for (const timezone of ZONES) {
  t.test(`${timezone}: every minute around a change of the clocks`, async (t) => {
    for (const day of CHANGES[timezone] ?? []) {
      const midnight = Date.parse(`${day}T00:00Z`);
      for (const allowed_hours of HOURS) {
        const rule = { timezone, allowed_hours, allowed_days: ['saturday', 'sunday'] };
        t.strictSame(
          disagreements(rule, midnight - 1.5 * DAY, midnight + 2 * DAY, MINUTE),
          [],
          `${day} ${allowed_hours.join(' ')}`,
        );
      }
    }
  });

  t.test(`${timezone}: every quarter of an hour in a year`, async (t) => {
    const rule = { timezone, allowed_hours: ['22:15-06:45', '12:00-12:15'], allowed_days: ['tuesday', 'saturday'] };
    t.strictSame(disagreements(rule, Date.UTC(2026, 0), Date.UTC(2027, 0), 15 * MINUTE), []);
  });
}

t.test('a zone whose clocks change at an odd minute is right to the minute', async (t) => {
  const rule = { timezone: 'America/St_Johns', allowed_hours: ['23:00-01:00'], allowed_days: [] };
  const change = Date.parse('2010-11-07T02:31Z');
  t.strictSame(disagreements(rule, change - DAY, change + DAY, MINUTE), []);
});

t.test('one zone serves many keys, in whatever order their requests come', async (t) => {
  const compiled = (hours: string) =>
    compileRestrictions(
      {
        ...UNRESTRICTED,
        time_restrictions: { timezone: 'Europe/Amsterdam', allowed_hours: [hours], allowed_days: [] },
      },
      NO_PLACES,
    )[0];
  const [morning, evening] = [compiled('08:00-12:00'), compiled('18:00-22:00')];
  const open = (key: typeof morning, at: string) => (key?.(view({ at: Date.parse(at) })) ?? null) === null;
  t.equal(open(morning, '2026-07-01T07:00Z'), true);
  t.equal(open(evening, '2026-01-01T18:00Z'), true);
  t.equal(open(morning, '2026-01-01T07:00Z'), true);
  t.equal(open(evening, '2026-07-01T18:00Z'), true);
  t.equal(open(morning, '2026-07-01T18:00Z'), false);
});
