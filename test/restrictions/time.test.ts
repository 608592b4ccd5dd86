import t from 'tap';
import type { TimeRestriction } from '../../src/core/key.ts';
import { restrictionFaults } from '../../src/restrictions/index.ts';
import { time as timeKind } from '../../src/restrictions/time.ts';
import { view } from '../support/keys.ts';
import { restricted } from './restricted.ts';

function rule(hours: string[], days: string[] = [], timezone = 'UTC'): TimeRestriction {
  return { timezone, allowed_hours: hours, allowed_days: days };
}

/** Whether a key so restricted may be used at a time. */
function mayUse(restriction: TimeRestriction): (at: string) => boolean {
  const denial = restricted({ time_restrictions: restriction });
  return (at) => denial(view({ at: Date.parse(at) })) === null;
}

function faults(restriction: TimeRestriction): string[] {
  return restrictionFaults({ time_restrictions: restriction });
}

const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'];

t.test('a window is open from its first minute to just before its last', async (t) => {
  const open = mayUse(rule(['09:00-17:00']));
  t.equal(open('2026-11-23T08:59:59.999Z'), false);
  t.equal(open('2026-11-23T09:00:00.000Z'), true);
  t.equal(open('2026-11-23T16:59:59.999Z'), true);
  t.equal(open('2026-11-23T17:00:00.000Z'), false);
});

t.test('the hours are those of the wall clock in the zone', async (t) => {
  const open = mayUse(rule(['09:00-17:00'], [], 'Europe/Amsterdam'));
  t.equal(open('2026-01-15T08:00:00Z'), true, 'winter: UTC+1');
  t.equal(open('2026-01-15T07:59:59Z'), false);
  t.equal(open('2026-07-15T07:00:00Z'), true, 'summer: UTC+2');
  t.equal(open('2026-07-15T15:00:00Z'), false);
});

t.test('days are those of the zone too', async (t) => {
  const open = mayUse(rule([], ['monday'], 'Pacific/Auckland'));
  t.equal(open('2026-11-22T11:00:00Z'), true, 'Monday there, Sunday in UTC');
  t.equal(open('2026-11-22T10:59:59Z'), false);
  t.equal(open('2026-11-23T11:00:00Z'), false);
});

t.test('days without hours are whole days', async (t) => {
  const open = mayUse(rule([], WEEKDAYS));
  t.equal(open('2026-11-22T23:59:59.999Z'), false, 'Sunday');
  t.equal(open('2026-11-23T00:00:00Z'), true, 'Monday');
  t.equal(open('2026-11-27T23:59:59.999Z'), true, 'Friday');
  t.equal(open('2026-11-28T00:00:00Z'), false, 'Saturday');
});

t.test('a window across midnight belongs to the day on which it began', async (t) => {
  const open = mayUse(rule(['22:00-06:00'], ['friday']));
  t.equal(open('2026-11-27T05:00:00Z'), false, 'early on Friday: that is Thursday night');
  t.equal(open('2026-11-27T21:59:00Z'), false);
  t.equal(open('2026-11-27T22:00:00Z'), true);
  t.equal(open('2026-11-28T05:59:59Z'), true, 'early on Saturday: that is Friday night');
  t.equal(open('2026-11-28T06:00:00Z'), false);
  t.equal(open('2026-11-28T22:00:00Z'), false);
});

t.test('a window across the end of the week is whole', async (t) => {
  const open = mayUse(rule(['22:00-06:00'], ['saturday']));
  t.equal(open('2026-11-28T23:30:00Z'), true);
  t.equal(open('2026-11-29T05:59:00Z'), true, 'Sunday');
  t.equal(open('2026-11-29T06:00:00Z'), false);
  t.equal(open('2026-11-29T22:30:00Z'), false);
});

t.test('24:00 is the end of the day, and 00:00 may be it too', async (t) => {
  for (const window of ['18:00-24:00', '18:00-00:00']) {
    const open = mayUse(rule([window], ['monday']));
    t.equal(open('2026-11-23T23:59:59.999Z'), true, window);
    t.equal(open('2026-11-24T00:00:00Z'), false, window);
    t.equal(open('2026-11-23T00:00:00Z'), false, window);
  }
  const always = mayUse(rule(['00:00-24:00']));
  t.equal(always('2026-11-23T00:00:00Z') && always('2026-11-23T23:59:59.999Z'), true);
});

t.test('of several windows any one will do', async (t) => {
  const open = mayUse(rule(['08:00-12:00', '13:00-17:00', '23:00-01:00']));
  const times = ['07:59', '08:00', '12:00', '12:59', '13:00', '17:00', '23:00', '00:59', '01:00'];
  t.strictSame(
    times.map((time) => open(`2026-11-25T${time}:00Z`)),
    [false, true, false, false, true, false, true, true, false],
  );
});

t.test('a denial says when the key may be used', async (t) => {
  const denial = restricted({ time_restrictions: rule(['09:00-17:00'], ['monday'], 'Europe/Amsterdam') });
  t.strictSame(denial(view({ at: Date.parse('2026-11-22T12:00:00Z') })), {
    code: 'outside_allowed_hours',
    detail: 'This key may be used only 09:00-17:00 on monday (Europe/Amsterdam).',
    facts: { retry_at: '2026-11-23T08:00:00.000Z' },
  });
});

t.test('when it opens again is found anew as time goes by', async (t) => {
  const denial = restricted({ time_restrictions: rule(['09:00-10:00', '12:00-13:00']) });
  const opens = (at: string) => denial(view({ at: Date.parse(`2026-11-23T${at}Z`) }))?.facts.retry_at?.slice(0, 16);
  t.strictSame(
    ['08:00:00', '08:59:59.999', '09:30:00', '10:00:00', '11:59:00', '12:00:00', '13:00:00', '08:30:00'].map(opens),
    [
      '2026-11-23T09:00',
      '2026-11-23T09:00',
      undefined,
      '2026-11-23T12:00',
      '2026-11-23T12:00',
      undefined,
      '2026-11-24T09:00',
      '2026-11-23T09:00',
    ],
  );
});

t.test('a stored rule that cannot be read denies at all times', async (t) => {
  const broken = [
    rule(['00:00-24:00', '08:00-25:00']),
    rule(['00:00-24:00'], ['monday', 'funday']),
    rule(['00:00-24:00'], [], 'Mars/Olympus_Mons'),
    rule(['00:00-24:00'], [], ''),
    rule([], []),
  ];
  for (const each of broken) {
    const open = mayUse(each);
    for (const time of ['00:00', '09:00', '23:59'])
      t.equal(open(`2026-11-23T${time}:00Z`), false, JSON.stringify(each));
  }
});

t.test('what is wrong with the hours is said', async (t) => {
  const good = ['09:00-17:00', '22:00-06:00', '00:00-24:00', '18:00-00:00', '23:59-00:01'];
  t.strictSame(faults(rule(good)), []);
  const bad = [
    '08:00-25:00',
    '8:00-17:00',
    '09:00-09:00',
    '24:00-06:00',
    '09:60-10:00',
    '09:00',
    '',
    '09:00-24:01',
    '09:00–17:00',
    ' 09:00-17:00',
    '09:00-17:00\n',
  ];
  t.strictSame(
    faults(rule(bad)),
    bad.map(
      (text, i) =>
        `time_restrictions.allowed_hours[${i}]: "${text}" is not a window; expected HH:MM-HH:MM from 00:00 to 24:00, like 09:00-17:00 or 22:00-06:00`,
    ),
  );
  t.strictSame(faults(rule(Array.from({ length: 49 }, () => '09:00-17:00'))), [
    'time_restrictions.allowed_hours: 49 windows; expected at most 48',
  ]);
});

t.test('what is wrong with the zone and the days is said', async (t) => {
  for (const zone of ['Mars/Olympus_Mons', '', '+02:00', 'Europe', 'CEST', '../../etc/passwd', 'constructor']) {
    t.strictSame(faults(rule(['09:00-17:00'], [], zone)), [
      `time_restrictions.timezone: "${zone}" is not a time zone; expected an IANA name like Europe/Amsterdam`,
    ]);
  }
  for (const zone of ['UTC', 'Europe/Amsterdam', 'America/Argentina/Buenos_Aires', 'Etc/GMT+5']) {
    t.strictSame(faults(rule(['09:00-17:00'], [], zone)), [], zone);
  }
  t.strictSame(faults(rule([], ['monday', 'Monday', 'mon'])), [
    'time_restrictions.allowed_days[1]: "Monday" is not a day; expected sunday, monday, tuesday, wednesday, thursday, friday, saturday',
    'time_restrictions.allowed_days[2]: "mon" is not a day; expected sunday, monday, tuesday, wednesday, thursday, friday, saturday',
  ]);
  t.strictSame(
    faults(
      rule(
        [],
        Array.from({ length: 8 }, () => 'monday'),
      ),
    ),
    ['time_restrictions.allowed_days: 8 days; expected at most 7'],
  );
  t.strictSame(faults(rule([], [])), [
    'time_restrictions: neither allowed_hours nor allowed_days is given; expected at least one of them',
  ]);
});

t.test('what a caller may send has the same bounds as what is stored', async (t) => {
  const takes = (windows: number, days: number): boolean =>
    timeKind.input.safeParse({
      timezone: 'UTC',
      allowed_hours: Array.from({ length: windows }, () => '09:00-17:00'),
      allowed_days: Array.from({ length: days }, () => 'monday'),
    }).success;
  t.equal(takes(48, 7), true);
  t.equal(takes(49, 7), false);
  t.equal(takes(48, 8), false);
});
