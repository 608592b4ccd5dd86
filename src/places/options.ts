import { randomInt } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import type { PlacesError } from '../core/places.ts';

/** Calls a task again and again; returns what ends it. */
export type Repeat = (task: () => unknown, everyMs: number) => () => void;

/** What is told of sources while they are kept up to date. */
export type PlacesEvent =
  /** Something new serves. `detail` is a fragment: `built on 2026-09-21`. */
  | { readonly kind: 'updated'; readonly setting: string; readonly detail: string }
  /** Once for each thing that is wrong; what was read before serves on. */
  | { readonly kind: 'trouble'; readonly error: PlacesError }
  /** Nothing is wrong any more. */
  | { readonly kind: 'recovered'; readonly setting: string };

export interface PlacesOptions {
  readonly clock: Clock;
  readonly onEvent: (event: PlacesEvent) => void;
  readonly repeat: Repeat;
  /** From 0 to just below 1, evenly; of the system when absent. */
  readonly random?: () => number;
  /** How long fetching a list may take, in milliseconds; 30 seconds when absent. */
  readonly fetchTimeoutMs?: number;
}

const RANDOM_STEPS = 1_000_000;

export function systemRandom(): number {
  return randomInt(RANDOM_STEPS) / RANDOM_STEPS;
}
