import { ON_SQLITE } from '../contestants/index.ts';
import { closedLoop } from './closed-loop.ts';
import { KEYS, type Scenario, type Variant } from './scenario.ts';

const SIZES = [10, 1_000, 10_000];

export const routes: Scenario = {
  name: 'routes',
  title: 'From ten routes to ten thousand',
  contestants: ON_SQLITE,
  variants: SIZES.map(withRoutes),
  main: 'cpuMicros',
  columns: ['cpuMicros', 'requestsPerSecond', 'p50Ms', 'p99Ms', 'memoryMb'],
  ratios: [{ variant: '10 routes' }],
};

/** All routes are asked for, evenly. */
function withRoutes(count: number): Variant {
  const numbers = Array.from({ length: count - 1 }, (_, i) => i);
  return {
    label: `${count.toLocaleString('en')} routes`,
    keys: KEYS,
    routes: ['GET /api/domains/*', ...numbers.map((i) => `GET /api/group-${i % 100}/kind-${i}/:id/items/:item`)],
    measure: closedLoop({
      paths: ['/api/domains/42', ...numbers.map((i) => `/api/group-${i % 100}/kind-${i}/42/items/7`)],
    }),
  };
}
