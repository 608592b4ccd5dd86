import { LEANEST, STORES, WITH_LOGS, WORKERS } from '../contestants/index.ts';
import type { Figure } from '../figures.ts';
import { closedLoop } from './closed-loop.ts';
import { KEYS, type Scenario } from './scenario.ts';

const COLUMNS: readonly Figure[] = ['cpuMicros', 'requestsPerSecond', 'p50Ms', 'p99Ms', 'memoryMb'];
const WITH_STORE: readonly Figure[] = ['cpuMicros', 'storeCpuMicros', ...COLUMNS.slice(1)];

export const logs: Scenario = {
  name: 'logs',
  title: 'Without a log of requests, and with one in a file',
  contestants: WITH_LOGS,
  variants: [
    { label: 'no log', keys: KEYS, measure: closedLoop() },
    { label: 'a line for each request', keys: KEYS, logs: true, measure: closedLoop() },
  ],
  main: 'cpuMicros',
  columns: COLUMNS,
  ratios: [{ variant: 'no log' }, { contestant: LEANEST }],
};

export const stores: Scenario = {
  name: 'stores',
  title: 'SQLite and Redis',
  contestants: STORES,
  variants: [{ label: '', keys: KEYS, measure: closedLoop() }],
  main: 'cpuMicros',
  columns: WITH_STORE,
  ratios: [{ contestant: 'latchkey, SQLite' }],
};

export const workers: Scenario = {
  name: 'workers',
  title: 'One worker and two',
  contestants: WORKERS,
  variants: [{ label: '', keys: KEYS, measure: closedLoop() }],
  main: 'cpuMicros',
  columns: WITH_STORE,
  ratios: [{ contestant: 'latchkey, SQLite' }],
};
