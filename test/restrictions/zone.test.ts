/// <reference lib="esnext.temporal" />
import t from 'tap';
import { minuteOfWeek, type WallClock, wallClock } from '../../src/restrictions/zone.ts';

const MINUTE = 60_000;
const HOUR = 60;
const DAY = 24 * HOUR;

function clockIn(timezone: string): WallClock {
  const clock = wallClock(timezone);
  if (clock === null) throw new Error(`no clock in ${timezone}`);
  return clock;
}

/** What the wall clock is ahead of UTC, in minutes. */
function ahead(clock: WallClock, at: number): number {
  return clock.minutesAt(at) - Math.floor(at / MINUTE);
}

/** Each time in these years at which the clocks of a zone change: when, and the offsets before and after, in minutes. */
function* changesIn(timezone: string): Generator<{ at: number; before: number; after: number }> {
  let next = Temporal.Instant.from('2000-01-01T00:00Z').toZonedDateTimeISO(timezone).getTimeZoneTransition('next');
  while (next !== null && next.year < 2036) {
    const before = next.subtract({ nanoseconds: 1 });
    yield {
      at: next.epochMilliseconds,
      before: before.offsetNanoseconds / 6e10,
      after: next.offsetNanoseconds / 6e10,
    };
    next = next.getTimeZoneTransition('next');
  }
}

t.test('in every zone the clock changes at the minute at which Temporal says so', async (t) => {
  const wrong: string[] = [];
  let changes = 0;
  for (const timezone of Intl.supportedValuesOf('timeZone')) {
    const clock = clockIn(timezone);
    for (const { at, before, after } of changesIn(timezone)) {
      changes++;
      const minute = at / MINUTE;
      // Back over the change too: time may go back a little, when a machine's clock is set.
      const found = [at - 1, at, at - 1].map((each) => ahead(clock, each));
      if (found.join() !== [before, after, before].join()) wrong.push(`${timezone} ${new Date(at).toISOString()}`);
      if (before !== after && clock.stretchAt(minute - 1).until !== minute) wrong.push(`${timezone} ends elsewhere`);
    }
  }
  t.strictSame(wrong, []);
  t.ok(changes > 5_000, `${changes} changes`);
});

t.test('a stretch has the minute that was asked for, and one offset from end to end', async (t) => {
  const clock = clockIn('Africa/Casablanca');
  const first = Date.UTC(2027, 0) / MINUTE;
  for (let minute = first; minute < first + 365 * DAY; minute += 7 * HOUR) {
    const { from, until, offset } = clock.stretchAt(minute);
    if (minute < from || minute >= until) t.fail(`${minute} is not in its stretch`);
    if (ahead(clock, from * MINUTE) !== offset || ahead(clock, until * MINUTE - 1) !== offset) t.fail(`${minute}`);
  }
  t.pass('all of them');
});

t.test('the clock is right in whatever order it is asked', async (t) => {
  const clock = clockIn('Europe/Amsterdam');
  const summer = Date.parse('2027-07-01T12:00Z');
  const winter = Date.parse('2027-01-01T12:00Z');
  for (const [at, hours] of [
    [summer, 2],
    [winter, 1],
    [summer, 2],
    [summer - 365 * 86_400_000, 2],
    [winter, 1],
  ] as const) {
    t.equal(ahead(clock, at), hours * HOUR);
  }
  t.equal(ahead(clock, winter), HOUR);
  t.equal(clock.stretchAt(summer / MINUTE).offset, 2 * HOUR, 'to look ahead …');
  t.equal(ahead(clock, winter), HOUR, '… does not move the clock');
});

t.test('offsets may be odd, and times long ago or far ahead', async (t) => {
  t.equal(ahead(clockIn('Asia/Kathmandu'), Date.UTC(2027, 0)), 5 * HOUR + 45);
  t.equal(ahead(clockIn('America/St_Johns'), Date.UTC(2027, 0)), -3.5 * HOUR);
  t.equal(ahead(clockIn('Pacific/Kiritimati'), Date.UTC(2027, 0)), 14 * HOUR);
  t.equal(ahead(clockIn('Africa/Monrovia'), Date.UTC(1971, 0)), -45, '44 minutes and 30 seconds behind');
  t.equal(ahead(clockIn('Asia/Tokyo'), 8.64e15), 9 * HOUR, 'the last moment that a date can be');
  t.equal(ahead(clockIn('Asia/Tokyo'), -8.64e15), 9 * HOUR + 18, 'the first: the sun of Tokyo');
});

t.test('what is no name of a zone has no clock', async (t) => {
  for (const name of [
    '',
    'Mars/Olympus_Mons',
    '+02:00',
    '-05:00',
    'Europe/Amsterdam ',
    'localtime?',
    '../etc/passwd',
  ]) {
    t.equal(wallClock(name), null, JSON.stringify(name));
  }
  t.not(wallClock('europe/amsterdam'), null, 'case does not matter');
  t.equal(wallClock('Europe/Paris'), wallClock('Europe/Paris'), 'all keys share one clock');
});

t.test('a week begins on Sunday at midnight, before 1970 too', async (t) => {
  const minute = (at: string): number => minuteOfWeek(Date.parse(at) / MINUTE);
  t.equal(minute('2026-11-22T00:00Z'), 0);
  t.equal(minute('2026-11-21T23:59Z'), 7 * DAY - 1);
  t.equal(minute('1970-01-01T00:01Z'), 4 * DAY + 1, 'a Thursday');
  t.equal(minute('1969-12-28T00:00Z'), 0);
  t.equal(minute('1969-12-27T23:59Z'), 7 * DAY - 1);
  t.equal(minute('1969-12-21T00:00Z'), 0);
});
