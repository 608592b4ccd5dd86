import type { Figure, Outcome } from '../figures.ts';
import type { KeyFile } from '../key-files.ts';
import { drive, type LoadResult } from '../load.ts';
import { usageOf } from '../usage.ts';
import { CONNECTIONS, type Site, SMALL, type Variant } from './scenario.ts';

/** A load that sends the next request on a connection when the last was answered. */
export interface ClosedLoop {
  readonly connections?: number;
  readonly paths?: readonly string[];
  readonly upload?: { readonly path: string; readonly bytes: number };
  /** Bytes of each answer or upload, where throughput is to be told. */
  readonly bytes?: number;
  /** Keys that are used, drawn at random; all that the contestant knows when it is not said. */
  keys?(site: Site): KeyFile;
  /** Keys that are used in turn while it is measured, none of which were used before. */
  fresh?(site: Site): KeyFile;
}

const BYTES_PER_MB = 1e6;
const MICROS_PER_SECOND = 1e6;

export function closedLoop(load: ClosedLoop = {}): Variant['measure'] {
  return async (site) => {
    const { pid, storePid } = site.running;
    const known = load.keys?.(site) ?? site.keys;
    await driveSite(site, load, known, site.warmUpSeconds);
    const before = pid === null ? null : usageOf(pid);
    const storeBefore = storePid === null ? null : usageOf(storePid);
    const fresh = load.fresh?.(site);
    const result = await driveSite(site, load, fresh ?? known, site.seconds, fresh !== undefined);
    const after = pid === null ? null : usageOf(pid);
    const storeAfter = storePid === null ? null : usageOf(storePid);
    if (fresh !== undefined && result.requests > fresh.count) {
      throw new Error(
        `${result.requests} requests used ${fresh.count} new keys: some were not new; measure for less long`,
      );
    }
    const cpuSeconds = before === null || after === null ? null : after.cpuSeconds - before.cpuSeconds;
    const storeSeconds =
      storeBefore === null || storeAfter === null ? null : storeAfter.cpuSeconds - storeBefore.cpuSeconds;
    return {
      failures: result.failures,
      figures: {
        ...figuresOf(result, load.bytes),
        ...(cpuSeconds === null ? {} : perRequest('cpuMicros', cpuSeconds, result)),
        ...(storeSeconds === null ? {} : perRequest('storeCpuMicros', storeSeconds, result)),
        ...(after === null ? {} : { memoryMb: after.memoryMb }),
        ...(cpuSeconds === null || load.bytes === undefined
          ? {}
          : { mbPerCpuSecond: (result.requests * load.bytes) / BYTES_PER_MB / cpuSeconds }),
      },
    };
  };
}

/** One load on the gateway of a site, without looking at what it costs. */
export function driveSite(
  site: Site,
  load: ClosedLoop,
  keys: KeyFile,
  seconds: number,
  once = false,
): Promise<LoadResult> {
  return drive({
    core: site.cores.others,
    url: `http://127.0.0.1:${site.running.port}/`,
    keysFile: keys.file,
    keys: [],
    paths: load.paths ?? [SMALL],
    connections: load.connections ?? CONNECTIONS,
    seconds,
    folder: site.folder,
    order: once ? 'once' : 'random',
    ...(load.upload === undefined ? {} : { upload: load.upload }),
  });
}

function figuresOf({ requestsPerSecond, p50Ms, p99Ms }: LoadResult, bytes?: number): Outcome['figures'] {
  const throughput = bytes === undefined ? {} : { mbPerSecond: (requestsPerSecond * bytes) / BYTES_PER_MB };
  return { requestsPerSecond, p50Ms, p99Ms, ...throughput };
}

function perRequest(figure: Figure, cpuSeconds: number, { requests }: LoadResult): Outcome['figures'] {
  return { [figure]: (cpuSeconds * MICROS_PER_SECOND) / requests };
}
