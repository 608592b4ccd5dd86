import { type Arrivals, arrive } from '../arrivals.ts';
import { LEANEST, PACED } from '../contestants/index.ts';
import { usageOf } from '../usage.ts';
import { driveSite } from './closed-loop.ts';
import { CONNECTIONS, KEYS, type Scenario, type Variant } from './scenario.ts';

/** What the generator can offer in time on a core that it shares with the upstream. */
const MAX_RATE = 8_000;
/** Of the measured time, to find out how much a contestant can do. */
const CAPACITY_SHARE = 0.5;

export const halfLoad: Scenario = {
  name: 'half-load',
  title: 'Latency at half load',
  contestants: PACED,
  variants: [{ label: '', keys: KEYS, measure: atHalfLoad }],
  main: 'addedP99Ms',
  columns: ['offered', 'addedP99Ms', 'addedP50Ms', 'p50Ms', 'p99Ms', 'directP99Ms', 'cpuMicros'],
  ratios: [{ contestant: LEANEST }],
};

/** Half of what it answers when as much is asked as it can do, at equal distances; and the same without it. */
async function atHalfLoad(site: Parameters<Variant['measure']>[0]): ReturnType<Variant['measure']> {
  const { running, cores, keys, seconds, upstreamPort } = site;
  await driveSite(site, {}, keys, site.warmUpSeconds);
  const capacity = await driveSite(site, {}, keys, Math.max(1, Math.round(seconds * CAPACITY_SHARE)));
  const rate = Math.min(MAX_RATE, Math.round(capacity.requestsPerSecond / 2));
  const load: Omit<Arrivals, 'port'> = {
    core: cores.others,
    keysFile: keys.file,
    rate,
    seconds,
    connections: CONNECTIONS,
  };
  const direct = await arrive({ ...load, port: upstreamPort });
  const before = running.pid === null ? null : usageOf(running.pid);
  const through = await arrive({ ...load, port: running.port });
  const after = running.pid === null ? null : usageOf(running.pid);
  const cpuSeconds = before === null || after === null ? null : after.cpuSeconds - before.cpuSeconds;
  return {
    failures: capacity.failures + through.failures + direct.failures,
    figures: {
      offered: rate,
      p50Ms: through.p50Ms,
      p99Ms: through.p99Ms,
      directP99Ms: direct.p99Ms,
      addedP50Ms: through.p50Ms - direct.p50Ms,
      addedP99Ms: through.p99Ms - direct.p99Ms,
      ...(cpuSeconds === null ? {} : { cpuMicros: (cpuSeconds * 1e6) / through.requests }),
    },
  };
}
