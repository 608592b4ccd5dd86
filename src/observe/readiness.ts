import type { Clock } from '../core/clock.ts';
import type { PlacesStatus } from '../core/places.ts';
import { describePlaces } from './places-text.ts';

export interface Condition {
  readonly met: boolean;
  /** For the person who asks why. */
  readonly detail: string;
}

/** What must all be met before a load balancer may send requests here. */
export type Conditions = Readonly<Record<string, Condition>>;

export interface ReadinessOptions {
  readonly clock: Clock;
  /** Resolves when the store answers. */
  readonly ping: () => Promise<void>;
  readonly isListening: () => boolean;
  readonly isDraining: () => boolean;
  readonly places: () => PlacesStatus;
  /**
   * How long a store that once answered may be silent before this process counts as not ready, in milliseconds. Keys in
   * memory work on meanwhile, and all gateways share the store: were they unready at once, an outage of the store would
   * become one of the API. 0: not ready at once.
   */
  readonly storeGraceMs: number;
  /** How long one question may wait for the store; 200 when absent. */
  readonly waitMs?: number;
}

/** The store is asked at most this often, whoever asks for readiness. */
const PING_INTERVAL_MS = 250;
const WAIT_MS = 200;

/** @returns a function that says which conditions are met; it never rejects and never waits longer than `waitMs` */
export function createReadiness(options: ReadinessOptions): () => Promise<Conditions> {
  const store = storeCondition(options);
  return async () => {
    const isListening = options.isListening();
    const isDraining = options.isDraining();
    const places = describePlaces(options.places());
    return {
      listening: { met: isListening, detail: isListening ? 'accepts connections' : 'does not accept connections' },
      not_draining: { met: !isDraining, detail: isDraining ? 'is shutting down' : 'is not shutting down' },
      store: await store(),
      // Never unready for these: what was read before serves on, and with none, only whose restrictions need it are refused.
      ...(places === null ? {} : { places: { met: true, detail: places } }),
    };
  };
}

function storeCondition(options: ReadinessOptions): () => Promise<Condition> {
  const { clock, ping, storeGraceMs } = options;
  const waitMs = options.waitMs ?? WAIT_MS;
  let askedAt: number | null = null;
  let answeredAt: number | null = null;
  let answers = false;
  let asking: Promise<void> | null = null;

  async function ask(): Promise<void> {
    askedAt = clock.now();
    try {
      await ping();
      answers = true;
      answeredAt = clock.now();
    } catch {
      answers = false;
    }
  }

  return async () => {
    const now = clock.now();
    const isDue = askedAt === null || now - askedAt >= PING_INTERVAL_MS || now < askedAt;
    if (asking === null && isDue) {
      asking = ask().finally(() => {
        asking = null;
      });
    }
    const inTime = asking === null || (await settlesWithin(asking, waitMs));
    if (inTime && answers) return { met: true, detail: 'answers' };
    if (answeredAt === null) return { met: false, detail: 'has not answered yet' };
    const silentMs = Math.max(0, now - answeredAt);
    const silent = `has not answered for ${Math.ceil(silentMs / 1000)} s`;
    if (silentMs >= storeGraceMs) return { met: false, detail: silent };
    return { met: true, detail: `${silent}; keys in memory keep working` };
  };
}

async function settlesWithin(promise: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  const settled = await Promise.race([promise.then(() => true), late]);
  clearTimeout(timer);
  return settled;
}
