import type { Clock } from '../core/clock.ts';
import { PlacesError, type PlacesTrouble } from '../core/places.ts';
import type { PlacesEvent } from './options.ts';

/** What became of a source since the start: counts, what is wrong now, and that each thing is told once. */
export class SourceRecord {
  readonly updates = { success: 0, unchanged: 0, failure: 0 };
  readonly #troubles = new Map<string, { readonly error: PlacesError; readonly since: number }>();
  readonly #clock: Clock;
  readonly #onEvent: (event: PlacesEvent) => void;

  constructor(clock: Clock, onEvent: (event: PlacesEvent) => void) {
    this.#clock = clock;
    this.#onEvent = onEvent;
  }

  get troubles(): PlacesTrouble[] {
    return [...this.#troubles.values()].map(({ error, since }) => ({
      setting: error.setting,
      code: error.code,
      since,
    }));
  }

  /** @returns whether it is new: nothing was wrong with this setting, or something else */
  trouble(error: PlacesError): boolean {
    const before = this.#troubles.get(error.setting);
    if (before?.error.message === error.message) return false;
    this.#troubles.set(error.setting, { error, since: before?.since ?? this.#clock.now() });
    this.#tell({ kind: 'trouble', error });
    return true;
  }

  recovered(setting: string): void {
    if (this.#troubles.delete(setting)) this.#tell({ kind: 'recovered', setting });
  }

  updated(setting: string, detail: string): void {
    this.updates.success++;
    this.#tell({ kind: 'updated', setting, detail });
  }

  #tell(event: PlacesEvent): void {
    try {
      this.#onEvent(event);
    } catch {
      // Whoever is told must not keep the places from being kept up to date; there is nobody left to tell.
    }
  }
}

/** Seconds from a time until now, both in milliseconds; none when the clock was set back. */
export function secondsSince(at: number, clock: Clock): number {
  return Math.max(0, (clock.now() - at) / 1000);
}

/** Failures of any kind as those that the places know. @param problem a fragment: `"x.mmdb" cannot be read` */
export function asPlacesError(error: unknown, setting: string, problem: string): PlacesError {
  if (error instanceof PlacesError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  return new PlacesError('PLACES_UNREADABLE', setting, `${problem} (${code})`, { cause: error });
}
