import { DAY_MS, HOUR_MS } from './limits.ts';

/** When a key was last used. Kept apart from the keys, so that counting never looks like a change to them. */
export interface KeyUse {
  readonly keyId: string;
  /** Milliseconds since the epoch; null: never. */
  readonly lastUsedAt: number | null;
  /** When the secret that a rotation replaced was last used; null: never since. */
  readonly previousLastUsedAt: number | null;
}

/** What requests are counted together: those of a key, of an owner's keys, or of all keys. */
export type UsageScope = `key:${string}` | `owner:${string}` | 'all';

/** What was counted in one hour, or in a longer time. */
export interface UsageTotals {
  /** Requests that came with the key, let in or refused. */
  readonly requests: number;
  /** Of these, those whose answer had a status of 400 or more, or was cut short. */
  readonly errors: number;
  /** Time that their answers took altogether, in whole microseconds. */
  readonly timeUs: number;
}

/** What was counted in one day of the UTC clock. */
export interface UsageDay {
  /** Whole days since the epoch. */
  readonly day: number;
  /** By hour of the UTC day, 0 to 23; hours without a request are left out. */
  readonly hours: Readonly<Record<number, UsageTotals>>;
  /** Requests by path pattern (`/api/domains/*`); '' for those that no route matched. */
  readonly endpoints: Readonly<Record<string, number>>;
  /** Requests by method; `other` for unusual ones. */
  readonly methods: Readonly<Record<string, number>>;
  /** Requests that were refused, by denial code. */
  readonly denials: Readonly<Record<string, number>>;
}

/** What is to be added to what is kept for one scope and day. */
export interface UsageDelta extends UsageDay {
  readonly scope: UsageScope;
}

/** Where this process counts what a key asks for: written by who counts, who looks there before anywhere else. */
export interface UsagePlace {
  /** -1: nowhere yet. */
  usagePlace: number;
}

/** What one process counted in about a second. Each scope and day is in it once at most, each key once at most. */
export interface UsageBatch {
  /** The process that counted, and the number of its batch: 1, 2, 3, … A batch that is sent again is not counted again. */
  readonly writer: string;
  readonly number: number;
  readonly uses: readonly KeyUse[];
  readonly deltas: readonly UsageDelta[];
  /** Days before this one are past their retention: what was counted, and last uses of then, may be forgotten. */
  readonly keepFrom: number;
}

export interface UsageStore {
  /**
   * Adds a batch (of last uses, the later time wins and null changes nothing). When it rejects, some of it may have been
   * added; sending the same batch again, before any other of that writer, adds just the rest. Once it is settled, nothing of
   * the batch is kept: what it is made of is used again for the next one.
   */
  record(batch: UsageBatch): Promise<void>;
  /** One entry per id asked for, in that order. A key that was last used before the days that are kept has no times. */
  read(keyIds: readonly string[]): Promise<KeyUse[]>;
  /** Requests of each key by day, `from` to `to` inclusive, in the order of the ids; days without any are left out. */
  requests(keyIds: readonly string[], from: number, to: number): Promise<ReadonlyMap<number, number>[]>;
  /** What was counted on each day, `from` to `to` inclusive, oldest first; days without a request are left out. */
  days(scope: UsageScope, from: number, to: number): Promise<UsageDay[]>;
  /**
   * Forgets days before `keepFrom`, a bounded number of them at a time, and last uses of before that day, of some keys in
   * each call: of all of them after a while.
   * @returns how many rows went
   */
  prune(keepFrom: number): Promise<number>;
}

/** Whole days since the epoch. @param at milliseconds since the epoch */
export function dayOf(at: number): number {
  return Math.floor(at / DAY_MS);
}

/** When a day begins, in milliseconds since the epoch. */
export function startOf(day: number): number {
  return day * DAY_MS;
}

/** The hour of the UTC day, 0 to 23. */
export function hourOf(at: number): number {
  return Math.floor((at % DAY_MS) / HOUR_MS);
}

/** Both uses of a key as one: the later time wins, and null says nothing. */
export function laterUse(a: KeyUse, b: KeyUse): KeyUse {
  return {
    keyId: a.keyId,
    lastUsedAt: later(a.lastUsedAt, b.lastUsedAt),
    previousLastUsedAt: later(a.previousLastUsedAt, b.previousLastUsedAt),
  };
}

function later(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b);
}
