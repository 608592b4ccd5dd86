import t from 'tap';
import type { MetricsSnapshot } from '../../src/observe/metrics.ts';
import { TogetherMetrics } from '../../src/workers/metrics.ts';

type Told = ReadonlyMap<number, readonly [counter: number, gauge: number]>;

/** What a worker that counted so much says; times as a histogram does. */
function snapshot(counter: number, gauge: number): MetricsSnapshot {
  const one = (name: string, type: string, value: number, aggregator = 'sum'): object => ({
    name,
    help: name,
    type,
    aggregator,
    values: [{ value, labels: { a: 'b' } }],
  });
  return [
    one('requests_total', 'counter', counter),
    one('in_flight', 'gauge', gauge),
    one('up', 'gauge', gauge > 0 ? 1 : 0, 'min'),
  ] as unknown as MetricsSnapshot;
}

/** Metrics of two workers, of which `answers` says what they tell at the next scrape; one that is not there says nothing. */
function ofTwo(): {
  metrics: TogetherMetrics;
  scrape: (answers: Told, meanwhile?: () => void) => Promise<Record<string, number>>;
} {
  let answers: Told = new Map();
  let meanwhile = (): void => undefined;
  const metrics = new TogetherMetrics({
    workers: 2,
    serving: () => answers.size,
    restarts: () => 3,
    configReloads: () => ({ success: 4, failure: 5 }),
    ask: async (_timeoutMs, told) => {
      for (const [worker, [counter, gauge]] of answers) told(worker, snapshot(counter, gauge));
      meanwhile();
    },
  });
  return {
    metrics,
    scrape: async (next, during = () => undefined) => {
      answers = next;
      meanwhile = during;
      const lines = (await metrics.render()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      return Object.fromEntries(lines.map((line) => [line.split(' ')[0], Number(line.split(' ')[1])]));
    },
  };
}

const REQUESTS = 'requests_total{a="b"}';
const IN_FLIGHT = 'in_flight{a="b"}';
const UP = 'up{a="b"}';

t.test('one scrape has the sum of all, or what the aggregator of a gauge makes of them', async (t) => {
  const { scrape } = ofTwo();
  t.match(
    await scrape(
      new Map([
        [1, [10, 1]],
        [2, [20, 0]],
      ]),
    ),
    {
      [REQUESTS]: 30,
      [IN_FLIGHT]: 1,
      [UP]: 0,
      latchkey_workers: 2,
      latchkey_workers_serving: 2,
      latchkey_workers_unscraped: 0,
      latchkey_worker_restarts_total: 3,
      'latchkey_config_reloads_total{result="failure"}': 5,
    },
  );
});

t.test('one that does not answer is missing from the gauges, its counters stay, and it is told', async (t) => {
  const { scrape } = ofTwo();
  await scrape(
    new Map([
      [1, [10, 1]],
      [2, [20, 2]],
    ]),
  );
  for (let i = 0; i < 2; i++) {
    t.match(await scrape(new Map([[1, [11, 1]]])), { [REQUESTS]: 31, [IN_FLIGHT]: 1, latchkey_workers_unscraped: 1 });
  }
  t.match(
    await scrape(
      new Map([
        [1, [12, 1]],
        [2, [25, 2]],
      ]),
    ),
    { [REQUESTS]: 37, [IN_FLIGHT]: 3 },
  );
});

t.test('no counter falls when a worker ends, however often', async (t) => {
  const { metrics, scrape } = ofTwo();
  await scrape(
    new Map([
      [1, [10, 1]],
      [2, [20, 2]],
    ]),
  );
  metrics.ended(2);
  t.match(await scrape(new Map([[1, [10, 1]]])), { [REQUESTS]: 30, [IN_FLIGHT]: 1, latchkey_workers_unscraped: 1 });
  t.match(
    await scrape(
      new Map([
        [1, [10, 1]],
        [2, [5, 2]],
      ]),
    ),
    { [REQUESTS]: 35, [IN_FLIGHT]: 3 },
  );
  metrics.ended(2);
  metrics.ended(2);
  metrics.ended(1);
  t.match(await scrape(new Map()), { [REQUESTS]: 35 });
});

t.test('one that ends while others are asked is counted once', async (t) => {
  const { metrics, scrape } = ofTwo();
  await scrape(
    new Map([
      [1, [10, 1]],
      [2, [20, 2]],
    ]),
  );
  const during = await scrape(
    new Map([
      [1, [10, 1]],
      [2, [22, 2]],
    ]),
    () => metrics.ended(2),
  );
  t.match(during, { [REQUESTS]: 32, [IN_FLIGHT]: 1 });
  t.match(
    await scrape(
      new Map([
        [1, [10, 1]],
        [2, [1, 2]],
      ]),
    ),
    { [REQUESTS]: 33 },
  );
});
