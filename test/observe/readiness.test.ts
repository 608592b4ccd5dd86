import t from 'tap';
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
