import { answers, uploads } from './bodies.ts';
import { connections } from './connections.ts';
import { halfLoad } from './half-load.ts';
import { idleConnections } from './idle-connections.ts';
import { coldCache, keyCounts, popularity } from './key-use.ts';
import { routes } from './routes.ts';
import type { Scenario } from './scenario.ts';
import { logs, stores, workers } from './settings.ts';
import { smallJson } from './small-json.ts';
import { soak } from './soak.ts';

export const SCENARIOS: readonly Scenario[] = [
  smallJson,
  answers,
  uploads,
  popularity,
  coldCache,
  routes,
  keyCounts,
  connections,
  logs,
  stores,
  workers,
  halfLoad,
  idleConnections,
  soak,
];
