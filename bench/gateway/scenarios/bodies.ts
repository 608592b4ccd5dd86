import { LEANEST, ON_NODE, WITH_BODIES } from '../contestants/index.ts';
import type { Figure } from '../figures.ts';
import { closedLoop } from './closed-loop.ts';
import { KEYS, type Scenario, type Variant } from './scenario.ts';

const COLUMNS: readonly Figure[] = [
  'mbPerCpuSecond',
  'mbPerSecond',
  'requestsPerSecond',
  'cpuMicros',
  'p50Ms',
  'p99Ms',
  'memoryMb',
];
const TEN_KB = 10_240;
const HUNDRED_KB = 102_400;
const TEN_MB = 10_485_760;
/** Few, for large bodies: what is under way at a time fits in memory everywhere. */
const FEW = 4;

export const answers: Scenario = {
  name: 'answers',
  title: 'Large answers',
  contestants: WITH_BODIES,
  variants: [answer('100 KB', HUNDRED_KB, 64), answer('10 MB', TEN_MB, FEW)],
  main: 'mbPerCpuSecond',
  columns: COLUMNS,
  ratios: [{ contestant: LEANEST }, { contestant: ON_NODE }],
};

export const uploads: Scenario = {
  name: 'uploads',
  title: 'Uploads',
  contestants: WITH_BODIES,
  variants: [upload('10 KB', TEN_KB, 64), upload('10 MB', TEN_MB, FEW)],
  main: 'mbPerCpuSecond',
  columns: COLUMNS,
  ratios: [{ contestant: LEANEST }, { contestant: ON_NODE }],
};

function answer(label: string, bytes: number, connections: number): Variant {
  return { label, keys: KEYS, measure: closedLoop({ connections, bytes, paths: [`/api/domains/size-${bytes}`] }) };
}

function upload(label: string, bytes: number, connections: number): Variant {
  return { label, keys: KEYS, measure: closedLoop({ connections, bytes, upload: { path: '/api/domains', bytes } }) };
}
