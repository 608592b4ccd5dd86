import t from 'tap';
import type { PlacesSource, PlacesStatus } from '../../src/core/places.ts';
import { createReadiness, type ReadinessOptions } from '../../src/observe/readiness.ts';

function setUp(changes: Partial<ReadinessOptions> = {}) {
  const state = { now: 1_000_000, isUp: true, pings: 0 };
  const ready = createReadiness({
    clock: { now: () => state.now },
    ping: async () => {
      state.pings++;
      if (!state.isUp) throw new Error('down');
    },
    isListening: () => true,
    isDraining: () => false,
    places: () => ({ country: null, tor: null }),
    storeGraceMs: 0,
    ...changes,
  });
  return { state, ready };
}

t.test('each condition is named, with what it is like', async (t) => {
  t.strictSame(await setUp().ready(), {
    listening: { met: true, detail: 'accepts connections' },
    not_draining: { met: true, detail: 'is not shutting down' },
    store: { met: true, detail: 'answers' },
  });
  const { ready, state } = setUp({ isListening: () => false, isDraining: () => true });
  state.isUp = false;
  t.match(await ready(), {
    listening: { met: false },
    not_draining: { met: false },
    store: { met: false, detail: 'has not answered yet' },
  });
});

t.test('the store is asked four times a second at most, whoever asks', async (t) => {
  const { ready, state } = setUp();
  await Promise.all(Array.from({ length: 50 }, () => ready()));
  t.equal(state.pings, 1);
  state.isUp = false;
  state.now += 249;
  t.equal((await ready()).store?.met, true, 'the last answer stands');
  state.now += 1;
  t.equal((await ready()).store?.met, false);
  t.equal(state.pings, 2);
  state.isUp = true;
  state.now -= 100_000;
  t.equal((await ready()).store?.met, true, 'a clock that was set back does not stop the questions');
});

t.test('a store that does not answer costs a bounded wait, and one question at a time', async (t) => {
  let pings = 0;
  let answer: () => void = () => {};
  const { ready, state } = setUp({
    waitMs: 10,
    ping: () => {
      pings++;
      return new Promise((resolve) => {
        answer = resolve;
      });
    },
  });
  t.equal((await ready()).store?.met, false);
  state.now += 10_000;
  t.equal((await ready()).store?.met, false);
  t.equal(pings, 1);
  answer();
  await new Promise(setImmediate);
  t.equal((await ready()).store?.met, false, 'that answer was for an earlier question');
  answer();
  await new Promise(setImmediate);
  t.equal((await ready()).store?.met, true);
});

t.test('an outage of the store is named at once, and makes unready only after the grace', async (t) => {
  const { ready, state } = setUp({ storeGraceMs: 900_000 });
  state.isUp = false;
  t.equal((await ready()).store?.met, false, 'no grace before it has answered once');
  state.isUp = true;
  state.now += 1000;
  await ready();
  state.isUp = false;
  state.now += 60_000;
  t.strictSame((await ready()).store, {
    met: true,
    detail: 'has not answered for 60 s; keys in memory keep working',
  });
  state.now += 840_000;
  t.strictSame((await ready()).store, { met: false, detail: 'has not answered for 900 s' });
  state.isUp = true;
  state.now += 1000;
  t.strictSame((await ready()).store, { met: true, detail: 'answers' });
});

t.test('places that cannot be brought up to date are named, with since when, and make nothing unready', async (t) => {
  const at = Date.UTC(2026, 10, 20, 12);
  const source = { troubles: [], updates: { success: 0, unchanged: 0, failure: 0 } };
  const country: PlacesSource = { ...source, setting: 'country.database', loaded: { at, ageSeconds: 0, addresses: 0 } };
  const tor: PlacesSource = { ...source, setting: 'tor.list_url', loaded: { at, ageSeconds: 0, addresses: 7 } };
  const condition = async (places: PlacesStatus) => (await setUp({ places: () => places }).ready()).places;
  t.equal(await condition({ country: null, tor: null }), undefined, 'none where none are configured');
  t.strictSame(await condition({ country, tor }), {
    met: true,
    detail:
      'country.database: the database of 2026-11-20 serves. ' +
      'tor.list_url: the list of 2026-11-20T12:00:00.000Z with 7 addresses serves',
  });
  const invalid = { setting: 'country.database', code: 'PLACES_INVALID', since: at + 60_000 } as const;
  t.strictSame(await condition({ country: { ...country, troubles: [invalid] }, tor: null }), {
    met: true,
    detail:
      'country.database: the database of 2026-11-20 serves; ' +
      'country.database is not what it should be since 2026-11-20T12:01:00.000Z, see the log',
  });
  const kept = { setting: 'tor.kept_file', code: 'PLACES_UNREADABLE', since: at } as const;
  t.strictSame(await condition({ country: null, tor: { ...tor, loaded: null, troubles: [kept] } }), {
    met: true,
    detail:
      'tor.list_url: there is no list yet, and whoever may not come over Tor is refused; ' +
      'tor.kept_file cannot be read or written since 2026-11-20T12:00:00.000Z, see the log',
  });
});
