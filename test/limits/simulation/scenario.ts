import { DAY_MS, HOUR_MS, type Limits } from '../../../src/core/limits.ts';
import { NOON } from '../../support/clock.ts';
import { randomFrom } from '../../support/random.ts';

/** A number from 0 to below 1, a whole number, one of several: all from one seed. */
export class Chance {
  readonly #below: (below: number) => number;

  constructor(seed: number) {
    this.#below = randomFrom(seed);
  }

  below(count: number): number {
    return this.#below(count);
  }

  between(least: number, most: number): number {
    return least + this.#below(most - least + 1);
  }

  /** Any number between, not whole ones alone. */
  within(least: number, most: number): number {
    return least + ((most - least) * this.#below(2 ** 31)) / 2 ** 31;
  }

  /** Small ones as often as large ones. */
  scaled(least: number, most: number): number {
    return Math.round(Math.exp(this.within(Math.log(least), Math.log(most))));
  }

  happens(probability: number): boolean {
    return this.#below(2 ** 31) < probability * 2 ** 31;
  }

  pick<T>(among: readonly T[]): T {
    return among[this.#below(among.length)] as T;
  }
}

/** How requests of a key come: so many at a time, and how long from one time to the next. */
export interface Traffic {
  readonly key: number;
  /** The process that they come to; null: to any. */
  readonly process: number | null;
  readonly atOnce: number;
  readonly everyMs: number;
  /** Whether times and numbers are spread around these. */
  readonly isIrregular: boolean;
}

export type Kind = 'well' | 'lossy' | 'failing';

/** A world, drawn from its seed. Times are in milliseconds. */
export interface Scenario {
  readonly seed: number;
  /** What suffers here: nothing, messages, or processes and the store as well. */
  readonly kind: Kind;
  /** What the store's clock shows at first. */
  readonly beginsAt: number;
  readonly lastsMs: number;
  readonly limits: readonly Limits[];
  readonly traffic: readonly Traffic[];
  /** How far the clock of each process is ahead of the store's. */
  readonly skews: readonly number[];
  /** A message takes so long, and this more at most; now and then it takes `lateMs`. */
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly lateMs: number;
  readonly late: number;
  /** How likely a message is lost on its way. */
  readonly loss: number;
  /** Whether messages of one process overtake each other. */
  readonly overtakes: boolean;
  /** On average, from one to the next; Infinity: never. */
  readonly crashEveryMs: number;
  readonly restartEveryMs: number;
  readonly outageEveryMs: number;
  readonly failoverEveryMs: number;
  readonly failoverLagMs: number;
}

const NEVER = Number.POSITIVE_INFINITY;
/** Requests of a world, about. */
export const REQUESTS = 6_000;

/** One of three worlds has no faults at all, so that everything must add up exactly; in another only messages suffer. */
export function drawScenario(seed: number): Scenario {
  const chance = new Chance(seed);
  const kind = chance.pick<Kind>(['well', 'lossy', 'failing']);
  const processes = chance.pick([1, 2, 2, 3, 4, 4, 6, 8, 16]);
  const lastsMs = chance.pick([2_000, 4_000, 8_000, 20_000]);
  const keys = chance.pick([1, 1, 2, 3, 8]);
  const suffers = kind !== 'well';
  const dies = kind === 'failing';
  const often = (share: number, everyMs: number): number => (dies && chance.happens(share) ? everyMs : NEVER);
  return {
    seed,
    kind,
    beginsAt: beginning(chance, lastsMs),
    lastsMs,
    limits: Array.from({ length: keys }, () => drawLimits(chance, REQUESTS / keys)),
    traffic: drawTraffic(chance, { keys, processes, lastsMs }),
    skews: drawSkews(chance, processes),
    delayMs: chance.pick([0, 0.05, 0.3, 2, 20]),
    jitterMs: chance.pick([0, 0.1, 1, 10]),
    lateMs: suffers ? chance.pick([50, 300, 1_500, 5_000]) : 0,
    late: suffers ? chance.pick([0, 0.001, 0.01]) : 0,
    loss: suffers ? chance.pick([0, 0.001, 0.01, 0.05]) : 0,
    overtakes: suffers && chance.happens(0.3),
    restartEveryMs: chance.happens(0.3) ? lastsMs / 2 : NEVER,
    crashEveryMs: often(0.6, lastsMs / 3),
    outageEveryMs: often(0.6, lastsMs / 3),
    failoverEveryMs: often(0.4, lastsMs / 2),
    failoverLagMs: chance.pick([1, 20, 200, 1_500]),
  };
}

/** Two of three worlds see an hour end, half of those a day. */
function beginning(chance: Chance, lastsMs: number): number {
  const ends = chance.pick([NOON, NOON - (NOON % HOUR_MS) + HOUR_MS, NOON - (NOON % DAY_MS) + DAY_MS]);
  return ends - chance.below(lastsMs);
}

function drawSkews(chance: Chance, processes: number): number[] {
  const most = chance.pick([0, 0, 40, 3_000, 600_000]);
  return Array.from({ length: processes }, () => (most === 0 ? 0 : chance.between(-most, most)));
}

/** Each is far away as often as it is near what comes; and half of the buckets refill fast enough to matter within seconds. */
function drawLimits(chance: Chance, requests: number): Limits {
  const near = (): number =>
    chance.pick([chance.between(1, 40), chance.scaled(10, requests), chance.scaled(requests / 4, requests)]);
  const limit = (): number => (chance.happens(0.6) ? 100_000_000 : near());
  return {
    perHour: chance.happens(0.5) ? chance.scaled(360_000, 36_000_000) : limit(),
    perDay: limit(),
    burst: chance.pick([chance.between(1, 30), chance.scaled(10, 1_000), chance.scaled(1_000, 100_000)]),
  };
}

interface Extent {
  readonly keys: number;
  readonly processes: number;
  readonly lastsMs: number;
}

function drawTraffic(chance: Chance, { keys, processes, lastsMs }: Extent): Traffic[] {
  const sources = Math.max(keys, chance.between(1, 2 * processes));
  return Array.from({ length: sources }, (_, i) => {
    const requests = REQUESTS / sources;
    const atOnce = chance.pick([1, 1, 1, chance.between(2, 20), chance.scaled(10, 500)]);
    return {
      key: i % keys,
      process: chance.happens(0.6) ? chance.below(processes) : null,
      atOnce,
      everyMs: Math.max(0.2, (lastsMs * atOnce) / requests),
      isIrregular: chance.happens(0.6),
    };
  });
}
