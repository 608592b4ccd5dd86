import { BOTH_STORES, LEANEST, ON_SQLITE, WITH_KEYS } from '../contestants/index.ts';
import type { Figure } from '../figures.ts';
import { closedLoop } from './closed-loop.ts';
import { KEYS, type Scenario } from './scenario.ts';

const COLUMNS: readonly Figure[] = ['cpuMicros', 'storeCpuMicros', 'requestsPerSecond', 'p50Ms', 'p99Ms', 'memoryMb'];
/** So many that each key stands there about as often as the law says. */
const DRAWS = 200_000;
/** More than a gateway can use in the time of a measurement. */
const NEW_KEYS = 250_000;
/** Keys that a gateway of any size is asked for, so that only what is there besides differs. */
const USED = 1_000;

export const popularity: Scenario = {
  name: 'popularity',
  title: 'Keys that are used evenly, and under the law of Zipf',
  contestants: WITH_KEYS,
  variants: [
    { label: 'evenly', keys: KEYS, measure: closedLoop() },
    { label: 'Zipf', keys: KEYS, measure: closedLoop({ keys: ({ keyFiles }) => keyFiles.zipf(KEYS, DRAWS) }) },
  ],
  main: 'cpuMicros',
  columns: COLUMNS,
  ratios: [{ variant: 'evenly' }, { contestant: LEANEST }],
};

export const coldCache: Scenario = {
  name: 'cold-cache',
  title: 'Keys that are in memory, and keys used for the first time',
  contestants: BOTH_STORES,
  variants: [
    {
      label: 'in memory',
      keys: KEYS + NEW_KEYS,
      measure: closedLoop({ keys: ({ keyFiles }) => keyFiles.first(KEYS) }),
    },
    {
      label: 'first use',
      keys: KEYS + NEW_KEYS,
      measure: closedLoop({
        keys: ({ keyFiles }) => keyFiles.first(KEYS),
        fresh: ({ keyFiles }) => keyFiles.slice(KEYS, KEYS + NEW_KEYS),
      }),
    },
  ],
  main: 'cpuMicros',
  columns: COLUMNS,
  ratios: [{ variant: 'in memory' }],
};

const SIZES = [1_000, 100_000, 1_000_000];

export const keyCounts: Scenario = {
  name: 'keys',
  title: 'From a thousand keys to a million',
  contestants: ON_SQLITE,
  variants: SIZES.flatMap((keys) => [
    {
      label: `${keys.toLocaleString('en')} keys, ${USED.toLocaleString('en')} used`,
      keys,
      measure: closedLoop({ keys: ({ keyFiles }) => keyFiles.first(USED) }),
    },
    ...(keys === USED ? [] : [{ label: `${keys.toLocaleString('en')} keys, all used`, keys, measure: closedLoop() }]),
  ]),
  main: 'cpuMicros',
  columns: COLUMNS.filter((figure) => figure !== 'storeCpuMicros'),
  ratios: [{ variant: '1,000 keys, 1,000 used' }],
};
