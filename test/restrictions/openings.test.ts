import t from 'tap';
import { nextOpening } from '../../src/restrictions/openings.ts';
import { openSpans } from '../../src/restrictions/windows.ts';
import { wallClock } from '../../src/restrictions/zone.ts';

/** When a rule opens next, as text. */
function opening(timezone: string, hours: readonly string[], days: readonly string[]): (at: string) => string | null {
  const clock = wallClock(timezone);
  if (clock === null) throw new Error(`no clock in ${timezone}`);
  const spans = openSpans({ timezone, allowed_hours: hours, allowed_days: days });
  return (at) => {
    const found = nextOpening(spans, clock, Date.parse(at));
    return found === null ? null : new Date(found).toISOString().replace(':00.000', '');
  };
}

t.test('the next opening is the first minute of the next window', async (t) => {
  const next = opening('UTC', ['09:00-17:00'], ['monday', 'friday']);
  t.equal(next('2026-11-23T08:59:59.999Z'), '2026-11-23T09:00Z', 'Monday');
  t.equal(next('2026-11-23T17:00Z'), '2026-11-27T09:00Z', 'Friday');
  t.equal(next('2026-11-27T17:00Z'), '2026-11-30T09:00Z', 'Monday again');
  t.equal(next('2026-11-27T16:59Z'), '2026-11-30T09:00Z', 'the last minute has no other after it');
});

t.test('within a window it is the next minute', async (t) => {
  const next = opening('UTC', ['09:00-17:00'], []);
  t.equal(next('2026-11-23T09:00Z'), '2026-11-23T09:01Z');
  t.equal(next('2026-11-23T09:00:59.999Z'), '2026-11-23T09:01Z');
  t.equal(next('2026-11-23T08:59Z'), '2026-11-23T09:00Z');
});

t.test('windows may cross midnight, and the end of the week', async (t) => {
  const next = opening('UTC', ['23:30-00:30'], ['saturday']);
  t.equal(next('2026-11-28T12:00Z'), '2026-11-28T23:30Z');
  t.equal(next('2026-11-28T23:59Z'), '2026-11-29T00:00Z');
  t.equal(next('2026-11-29T00:29Z'), '2026-12-05T23:30Z');
});

t.test('a window that the clocks skip does not open that day', async (t) => {
  const daily = opening('Europe/Amsterdam', ['02:15-02:45'], []);
  t.equal(daily('2027-03-27T12:00Z'), '2027-03-29T00:15Z', 'Monday, in summer time');
  const sundays = opening('Europe/Amsterdam', ['02:15-02:45'], ['sunday']);
  t.equal(sundays('2027-03-27T12:00Z'), '2027-04-04T00:15Z', 'a week later');
  t.equal(sundays('2027-03-21T01:44Z'), '2027-04-04T00:15Z', 'two weeks after it was open');
});

t.test('a window that begins in what the clocks skip opens when they have', async (t) => {
  const next = opening('America/New_York', ['02:30-04:00'], []);
  t.equal(next('2027-03-14T06:00Z'), '2027-03-14T07:00Z', '03:00, the minute after 01:59');
  const half = opening('Australia/Lord_Howe', ['02:15-02:45'], []);
  t.equal(half('2027-10-02T15:00Z'), '2027-10-02T15:30Z', '02:30, the minute after 01:59');
});

t.test('an hour that the clocks show twice opens twice', async (t) => {
  const next = opening('Europe/Amsterdam', ['02:00-02:30'], []);
  t.equal(next('2027-10-30T12:00Z'), '2027-10-31T00:00Z');
  t.equal(next('2027-10-31T00:29Z'), '2027-10-31T01:00Z');
  t.equal(next('2027-10-31T01:29Z'), '2027-11-01T01:00Z');
});

t.test('the clocks may change at midnight', async (t) => {
  const havana = opening('America/Havana', ['00:00-00:30'], []);
  t.equal(havana('2027-03-13T12:00Z'), '2027-03-15T04:00Z', 'that half hour was skipped on Sunday');
  t.equal(havana('2027-11-07T04:29Z'), '2027-11-07T05:00Z', 'and comes twice in autumn');
  const beirut = opening('Asia/Beirut', [], ['saturday']);
  t.equal(beirut('2027-10-30T20:59Z'), '2027-10-30T21:00Z', 'Saturday had one hour more');
  t.equal(beirut('2027-10-30T21:59Z'), '2027-11-05T22:00Z');
});

t.test('a day that was left out does not open', async (t) => {
  const next = opening('Pacific/Apia', [], ['friday']);
  t.equal(next('2011-12-24T10:00Z'), '2012-01-05T10:00Z', 'not on 30 December 2011, which Samoa did not have');
  const night = opening('Pacific/Apia', ['23:00-01:00'], ['friday']);
  t.equal(night('2011-12-29T12:00Z'), '2011-12-30T10:00Z', 'but the end of its night was on Saturday');
});

t.test('offsets may be odd', async (t) => {
  t.equal(opening('Asia/Kathmandu', ['09:00-10:00'], [])('2027-01-01T12:00Z'), '2027-01-02T03:15Z');
  t.equal(opening('Australia/Eucla', ['09:00-10:00'], [])('2027-01-01T12:00Z'), '2027-01-02T00:15Z');
});

t.test('what is open in no minute never opens', async (t) => {
  const clock = wallClock('Europe/Amsterdam');
  if (clock === null) return t.fail('no clock');
  t.equal(nextOpening(new Uint16Array(), clock, Date.UTC(2027, 0)), null);
});
