import type { Contestant, Running } from '../contestants/contestant.ts';
import type { Cores } from '../cores.ts';
import type { Figure, Outcome } from '../figures.ts';
import type { KeyFile, KeyFiles } from '../key-files.ts';

/** Something that is to be found out, in one or more variants, each for all contestants. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly contestants: readonly Contestant[];
  readonly variants: readonly Variant[];
  /** What the plot shows and ratios are of. */
  readonly main: Figure;
  readonly columns: readonly Figure[];
  /** Ratios within each round: to a contestant of the same variant, or to another variant of the same contestant. */
  readonly ratios: readonly Ratio[];
  /** Seconds of a measurement where nothing is asked for; those of the command line otherwise. */
  readonly seconds?: number;
  /** Left out of a full run: only run when it is asked for. */
  readonly onlyWhenNamed?: boolean;
}

export type Ratio = { readonly contestant: string } | { readonly variant: string };

export interface Variant {
  /** Empty where there is only one. */
  readonly label: string;
  /** Keys in the store, or in the contestant's map. */
  readonly keys: number;
  /** Patterns that the keys open, besides `POST /api/domains`; `GET /api/domains/*` alone when there is nothing here. */
  readonly routes?: readonly string[];
  readonly logs?: boolean;
  measure(site: Site): Promise<Outcome>;
}

/** Where and with what a contestant is measured, once it runs. */
export interface Site {
  readonly running: Running;
  readonly cores: Cores;
  readonly upstreamPort: number;
  readonly keyFiles: KeyFiles;
  /** All keys that the contestant knows. */
  readonly keys: KeyFile;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** For files of this measurement. */
  readonly folder: string;
}

/** Keys of every scenario that does not vary them. */
export const KEYS = 10_000;
export const CONNECTIONS = 64;
export const SMALL = '/api/domains/42';
