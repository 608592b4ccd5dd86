import type { SettingPath } from './problem.ts';

/** A warning before its place is looked up. */
export interface Advice {
  readonly path: SettingPath;
  readonly message: string;
}
