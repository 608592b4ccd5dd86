import { LEANEST, ON_NODE, WITH_CONNECTIONS } from '../contestants/index.ts';
import { closedLoop } from './closed-loop.ts';
import { KEYS, type Scenario } from './scenario.ts';

const COUNTS = [64, 1_000, 10_000];
/** Long enough for 10,000 connections to be opened in a small part of it. */
const SECONDS = 15;

export const connections: Scenario = {
  name: 'connections',
  title: 'From 64 busy connections to 10,000',
  contestants: WITH_CONNECTIONS,
  variants: COUNTS.map((count) => ({
    label: `${count.toLocaleString('en')} connections`,
    keys: KEYS,
    measure: closedLoop({ connections: count }),
  })),
  main: 'cpuMicros',
  columns: ['cpuMicros', 'requestsPerSecond', 'p50Ms', 'p99Ms', 'memoryMb'],
  seconds: SECONDS,
  ratios: [{ variant: '64 connections' }, { contestant: LEANEST }, { contestant: ON_NODE }],
};
