import { setTimeout as pause } from 'node:timers/promises';
import { LEANEST, WITH_CONNECTIONS } from '../contestants/index.ts';
import { hold } from '../holder.ts';
import { usageOf } from '../usage.ts';
import { driveSite } from './closed-loop.ts';
import { KEYS, type Scenario, type Variant } from './scenario.ts';

const COUNT = 10_000;
/** After work, until what it left behind was collected and given back. */
const SETTLE_MS = 3_000;
const KB_PER_MB = 1_024;

export const idleConnections: Scenario = {
  name: 'idle-connections',
  title: 'Memory with 10,000 idle connections',
  contestants: WITH_CONNECTIONS.filter(({ workers }) => workers > 0),
  variants: [{ label: '', keys: KEYS, measure: whileHeld }],
  main: 'memoryMb',
  columns: ['idleMb', 'memoryMb', 'kbPerConnection'],
  ratios: [{ contestant: LEANEST }],
};

/** Each connection made one request, so that it is one that the gateway knows. */
async function whileHeld(site: Parameters<Variant['measure']>[0]): ReturnType<Variant['measure']> {
  const { running, cores, keys } = site;
  if (running.pid === null) return { figures: {}, failures: 0 };
  const load = await driveSite(site, {}, keys, site.warmUpSeconds);
  await pause(SETTLE_MS);
  const idleMb = usageOf(running.pid).memoryMb;
  const held = await hold(cores.others, running.port, keys.file, COUNT);
  try {
    await pause(SETTLE_MS);
    const { memoryMb } = usageOf(running.pid);
    const kbPerConnection = ((memoryMb - idleMb) * KB_PER_MB) / COUNT;
    return { figures: { idleMb, memoryMb, kbPerConnection }, failures: load.failures + held.failures };
  } finally {
    await held.release();
  }
}
