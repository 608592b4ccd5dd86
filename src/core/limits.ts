/**
 * Limit arithmetic, pure and in integers only, so that every store that uses it (or repeats it, as the Redis script
 * does) reaches the same answer to the last unit.
 *
 * Hour and day are windows aligned to the UTC clock. Burst is a token bucket of depth `burst` that refills at
 * `perHour / 3600` tokens a second; it is kept in units of 1/3,600,000 token, of which `perHour` arrive each
 * millisecond. All three are taken in one step, or none is.
 */
export interface Limits {
  readonly perHour: number;
  readonly perDay: number;
  readonly burst: number;
}

export type LimitName = 'burst' | 'hour' | 'day';

/** What a store keeps per key. `hour` and `day` are window indices since the epoch. */
export interface LimitState {
  readonly hour: number;
  readonly hourUsed: number;
  readonly day: number;
  readonly dayUsed: number;
  /** Bucket content in units of 1/3,600,000 token, as of `at`. */
  readonly units: number;
  /** The store's clock at the last change, in milliseconds. */
  readonly at: number;
}

/** The answer to a lease: how many admissions were granted, and how the three limits stand afterwards. */
export interface Lease {
  readonly granted: number;
  /** The limit that refused (the one that takes longest to free); null when something was granted, or nothing asked for. */
  readonly refusedBy: LimitName | null;
  /** Milliseconds until one admission could be granted again; 0 when none was refused. */
  readonly retryAfterMs: number;
  readonly hourRemaining: number;
  readonly dayRemaining: number;
  readonly burstRemaining: number;
  /** Milliseconds until the bucket is full again. */
  readonly burstFullInMs: number;
  /** The store's clock when the lease was decided, in milliseconds since the epoch. */
  readonly now: number;
}

/**
 * Where a ledger keeps the count of a key, so that it need not search for it each time. The ledger's own to write, and never
 * more than a hint: it makes sure that what it finds there is of that key.
 */
export interface LedgerPlace {
  /** -1: nowhere yet. */
  place: number;
}

export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;
export const HOURS_PER_DAY = DAY_MS / HOUR_MS;
/**
 * What is taken ahead is this part of what remains at most: so a key is exact near its limit, and what many processes hold
 * of it together is bounded (docs/limits.md).
 */
export const AHEAD_SHARE = 8;
/** Bucket units that make one token. */
export const UNITS_PER_TOKEN = HOUR_MS;
/** The largest limit of any kind: keeps every product below 2^53. */
export const MAX_LIMIT = 1_000_000_000;

/** Admissions that were made while the ledger could not be asked. They are counted, whether there is room for them or not. */
export interface Owed {
  /** The hour of the latest of them, as an index since the epoch. */
  readonly hour: number;
  /** In that hour. */
  readonly ofHour: number;
  /** In earlier hours of the same day. */
  readonly ofDay: number;
}

export interface Taken {
  readonly lease: Lease;
  /** The state to keep. Unchanged counters when nothing was granted or owed. */
  readonly state: LimitState;
}

/** The state of a key that was never used: an empty window and a full bucket. */
export function freshState(limits: Limits, now: number): LimitState {
  return {
    hour: Math.floor(now / HOUR_MS),
    hourUsed: 0,
    day: Math.floor(now / DAY_MS),
    dayUsed: 0,
    units: limits.burst * UNITS_PER_TOKEN,
    at: now,
  };
}

/**
 * Takes up to `want` admissions from all three limits at once.
 *
 * @param state what the store keeps, or null for a key that was never used
 * @param want  fewer are granted when fewer are free; 0 of one who only tells what it owes
 * @param clock the store's clock in milliseconds; a clock that went back is read as standing still
 * @param ahead so many more when they are there, for later; an eighth of what then remains at most
 * @param owed  is counted first
 */
export function take(
  state: LimitState | null,
  limits: Limits,
  want: number,
  clock: number,
  ahead = 0,
  owed: Owed | null = null,
): Taken {
  const now = state === null ? clock : Math.max(clock, state.at);
  const current = advance(state ?? freshState(limits, now), limits, now);
  const s = owed === null ? current : charge(current, owed);
  const tokens = Math.floor(s.units / UNITS_PER_TOKEN);
  const hourFree = Math.max(0, limits.perHour - s.hourUsed);
  const dayFree = Math.max(0, limits.perDay - s.dayUsed);
  const free = Math.min(tokens, hourFree, dayFree);
  const wanted = Math.min(want, free);
  const granted = wanted + Math.min(ahead, Math.floor((free - wanted) / AHEAD_SHARE));
  const after: LimitState =
    granted === 0
      ? s
      : {
          hour: s.hour,
          hourUsed: s.hourUsed + granted,
          day: s.day,
          dayUsed: s.dayUsed + granted,
          units: s.units - granted * UNITS_PER_TOKEN,
          at: now,
        };
  const refusal = granted === 0 && want > 0 ? longestWait(tokens, hourFree, dayFree, s, limits, now) : NO_REFUSAL;
  return {
    state: after,
    lease: {
      granted,
      refusedBy: refusal.by,
      retryAfterMs: refusal.waitMs,
      hourRemaining: hourFree - granted,
      dayRemaining: dayFree - granted,
      burstRemaining: tokens - granted,
      burstFullInMs: Math.ceil((limits.burst * UNITS_PER_TOKEN - after.units) / limits.perHour),
      now,
    },
  };
}

/** Whoever owes may be a little ahead of the ledger's clock. */
function charge(s: LimitState, { hour, ofHour, ofDay }: Owed): LimitState {
  return {
    ...s,
    hourUsed: hour >= s.hour ? s.hourUsed + ofHour : s.hourUsed,
    dayUsed: Math.floor(hour / HOURS_PER_DAY) >= s.day ? s.dayUsed + ofHour + ofDay : s.dayUsed,
    units: Math.max(0, s.units - ofHour * UNITS_PER_TOKEN),
  };
}

/**
 * Gives back admissions that were leased and not used. Windows that have passed since get nothing back.
 *
 * @param leasedAt the `now` of the lease that granted them
 */
export function giveBack(
  state: LimitState | null,
  limits: Limits,
  unused: number,
  leasedAt: number,
  clock: number,
): LimitState | null {
  if (state === null) return null;
  const now = Math.max(clock, state.at);
  const s = advance(state, limits, now);
  const sameHour = Math.floor(leasedAt / HOUR_MS) === s.hour;
  const sameDay = Math.floor(leasedAt / DAY_MS) === s.day;
  return {
    hour: s.hour,
    hourUsed: sameHour ? Math.max(0, s.hourUsed - unused) : s.hourUsed,
    day: s.day,
    dayUsed: sameDay ? Math.max(0, s.dayUsed - unused) : s.dayUsed,
    units: Math.min(limits.burst * UNITS_PER_TOKEN, s.units + unused * UNITS_PER_TOKEN),
    at: now,
  };
}

const NO_REFUSAL: { readonly by: LimitName | null; readonly waitMs: number } = { by: null, waitMs: 0 };

/**
 * The state that a lease was answered from, as of then: for going on alone when the ledger can no longer be asked. The
 * bucket is read from rounded figures, downwards.
 */
export function stateAfter(lease: Lease, limits: Limits): LimitState {
  return {
    hour: Math.floor(lease.now / HOUR_MS),
    hourUsed: Math.max(0, limits.perHour - lease.hourRemaining),
    day: Math.floor(lease.now / DAY_MS),
    dayUsed: Math.max(0, limits.perDay - lease.dayRemaining),
    units: Math.max(0, limits.burst * UNITS_PER_TOKEN - lease.burstFullInMs * limits.perHour),
    at: lease.now,
  };
}

/** Brings the windows and the bucket up to `now`. */
export function advance(s: LimitState, limits: Limits, now: number): LimitState {
  const hour = Math.floor(now / HOUR_MS);
  const day = Math.floor(now / DAY_MS);
  const full = limits.burst * UNITS_PER_TOKEN;
  const elapsed = now - s.at;
  // Compared by time, not by product, so that a key unused for years cannot overflow 2^53.
  const isFull = s.units >= full || elapsed >= (full - s.units) / limits.perHour;
  return {
    hour,
    hourUsed: s.hour === hour ? s.hourUsed : 0,
    day,
    dayUsed: s.day === day ? s.dayUsed : 0,
    units: isFull ? full : s.units + elapsed * limits.perHour,
    at: now,
  };
}

function longestWait(
  tokens: number,
  hourFree: number,
  dayFree: number,
  s: LimitState,
  limits: Limits,
  now: number,
): { by: LimitName; waitMs: number } {
  let by: LimitName = 'burst';
  let waitMs = tokens > 0 ? 0 : Math.ceil((UNITS_PER_TOKEN - s.units) / limits.perHour);
  const hourWait = hourFree > 0 ? 0 : (s.hour + 1) * HOUR_MS - now;
  if (hourWait > waitMs) {
    by = 'hour';
    waitMs = hourWait;
  }
  const dayWait = dayFree > 0 ? 0 : (s.day + 1) * DAY_MS - now;
  if (dayWait > waitMs) {
    by = 'day';
    waitMs = dayWait;
  }
  return { by, waitMs };
}
