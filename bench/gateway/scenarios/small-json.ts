import { CONTESTANTS, LEANEST, ON_NODE } from '../contestants/index.ts';
import { closedLoop } from './closed-loop.ts';
import { KEYS, type Scenario } from './scenario.ts';

export const smallJson: Scenario = {
  name: 'small-json',
  title: 'Small JSON answers',
  contestants: CONTESTANTS,
  variants: [{ label: '', keys: KEYS, measure: closedLoop() }],
  main: 'cpuMicros',
  columns: ['cpuMicros', 'storeCpuMicros', 'requestsPerSecond', 'p50Ms', 'p99Ms', 'memoryMb'],
  ratios: [{ contestant: LEANEST }, { contestant: ON_NODE }],
};
