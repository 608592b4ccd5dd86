import { BOTH_STORES } from '../contestants/index.ts';
import { usageOf } from '../usage.ts';
import { driveSite } from './closed-loop.ts';
import { KEYS, type Scenario, type Variant } from './scenario.ts';

const SECONDS = 600;
const SAMPLES = 60;

export const soak: Scenario = {
  name: 'soak',
  title: 'Memory over a long time under full load',
  contestants: BOTH_STORES,
  variants: [{ label: '', keys: KEYS, measure: longRun }],
  main: 'memoryMb',
  columns: ['memoryEarlyMb', 'memoryMb', 'memoryPeakMb', 'memoryGrowth', 'requestsPerSecond', 'p99Ms'],
  ratios: [],
  seconds: SECONDS,
  onlyWhenNamed: true,
};

async function longRun(site: Parameters<Variant['measure']>[0]): ReturnType<Variant['measure']> {
  const { running, keys, seconds } = site;
  if (running.pid === null) return { figures: {}, failures: 0 };
  await driveSite(site, {}, keys, site.warmUpSeconds);
  const series: number[] = [];
  const { pid } = running;
  const sampler = setInterval(() => series.push(usageOf(pid).memoryMb), (seconds * 1_000) / SAMPLES);
  const { requestsPerSecond, p99Ms, failures } = await driveSite(site, {}, keys, seconds).finally(() =>
    clearInterval(sampler),
  );
  const early = series[Math.floor(series.length / 10)] ?? 0;
  const memoryMb = series.at(-1) ?? 0;
  const figures = { memoryEarlyMb: early, memoryMb, memoryPeakMb: Math.max(...series), memoryGrowth: memoryMb / early };
  return { figures: { ...figures, requestsPerSecond, p99Ms }, failures, series };
}
