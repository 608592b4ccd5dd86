import t from 'tap';
import { Retention } from '../../src/observe/retention.ts';
import { manualTimer } from './recording.ts';

t.test('once a minute each task runs until it finds nothing', async (t) => {
  const { repeat, tick, intervals } = manualTimer();
  let left = 5;
  let calls = 0;
  const tasks = [
    { name: 'usage', prune: async () => (left > 0 ? left-- : 0) },
    { name: 'log', prune: async () => (calls++, 0) },
  ];
  const retention = new Retention({ tasks, repeat });
  t.strictSame(intervals, [60_000]);
  tick();
  tick();
  await retention.run();
  t.strictSame([left, calls], [0, 1], 'and not twice at a time');
  await retention.stop();
  tick();
  await retention.run();
});

t.test('a task that fails is told of once, tried again, and keeps no other from its turn', async (t) => {
  const { repeat } = manualTimer();
  const told: [string, unknown][] = [];
  let fails = true;
  let others = 0;
  const failure = new Error('down');
  const retention = new Retention({
    repeat,
    onTrouble: (name, error) => told.push([name, error]),
    tasks: [
      {
        name: 'usage',
        prune: async () => {
          if (fails) throw failure;
          return 0;
        },
      },
      { name: 'log', prune: async () => (others++, 0) },
    ],
  });
  await retention.run();
  await retention.run();
  fails = false;
  await retention.run();
  await retention.run();
  t.strictSame(told, [
    ['usage', failure],
    ['usage', null],
  ]);
  t.equal(others, 4);
});

t.test('stopping waits for the task that runs, and ends one that would go on', async (t) => {
  const { repeat, tick } = manualTimer();
  let calls = 0;
  const { promise: begun, resolve } = Promise.withResolvers<void>();
  const prune = async (): Promise<number> => {
    calls++;
    resolve();
    return 1;
  };
  const retention = new Retention({ repeat, tasks: [{ name: 'endless', prune }] });
  tick();
  await begun;
  await retention.stop();
  const atEnd = calls;
  await new Promise(setImmediate);
  t.equal(calls, atEnd);
  t.ok(calls < 1_000);
});
