/** Places whose timers a test turns by hand, and files that change under them. */
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { PlacesEvent, PlacesOptions } from '../../src/places/index.ts';
import { LOOK_EVERY_MS, SETTLE_MS } from '../../src/places/watched-file.ts';
import { ManualClock } from '../support/clock.ts';

/** A timer that stands still until a test turns it. */
export class ManualRepeat {
  readonly #tasks = new Map<() => unknown, number>();
  #wake: () => void = () => undefined;

  readonly repeat: PlacesOptions['repeat'] = (task, everyMs) => {
    this.#tasks.set(task, everyMs);
    this.#wake();
    return () => this.#tasks.delete(task);
  };

  /** How many tasks repeat. */
  get size(): number {
    return this.#tasks.size;
  }

  /** Runs what repeats at this pace, once; resolves when it is over. */
  async run(everyMs: number): Promise<void> {
    const due = [...this.#tasks].filter(([, pace]) => pace === everyMs).map(([task]) => task);
    await Promise.all(due.map((task) => task()));
  }

  has(everyMs: number): boolean {
    return [...this.#tasks.values()].includes(everyMs);
  }

  /** Resolves when something repeats at this pace. */
  async started(everyMs: number): Promise<void> {
    while (!this.has(everyMs)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

export interface Stage {
  readonly clock: ManualClock;
  readonly timer: ManualRepeat;
  /** What was told, as texts: `trouble: …`. */
  readonly told: string[];
  readonly options: PlacesOptions;
}

export function stage(changes: Partial<PlacesOptions> = {}): Stage {
  const clock = new ManualClock();
  const timer = new ManualRepeat();
  const told: string[] = [];
  const onEvent = (event: PlacesEvent): void => void told.push(textOf(event));
  return { clock, timer, told, options: { clock, repeat: timer.repeat, onEvent, random: () => 0.5, ...changes } };
}

function textOf(event: PlacesEvent): string {
  if (event.kind === 'trouble') return `trouble: ${event.error.message}`;
  return event.kind === 'updated' ? `updated: ${event.setting}: ${event.detail}` : `recovered: ${event.setting}`;
}

/** The path of a file with this content in a folder of the test's own. */
export function fileWith(t: Test, name: string, content: Buffer | string): string {
  const path = join(t.testdir({}), name);
  writeFileSync(path, content);
  return path;
}

/** Replaces a file as careful tools do: under another name first. */
export function replaceFile(path: string, content: Buffer | string): void {
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}

/** A folder as Kubernetes mounts one: what is in it is behind a link that is swapped. */
export class MountedFolder {
  readonly path: string;
  #number = 0;

  constructor(path: string) {
    this.path = path;
  }

  /** Puts a file there, as the whole content of a new version. @returns where it is read */
  publish(name: string, content: Buffer | string): string {
    this.#number++;
    const [version, before] = [`..${this.#number}`, `..${this.#number - 1}`];
    mkdirSync(join(this.path, version));
    writeFileSync(join(this.path, version, name), content);
    symlinkSync(version, join(this.path, '..data_tmp'));
    renameSync(join(this.path, '..data_tmp'), join(this.path, '..data'));
    rmSync(join(this.path, before), { recursive: true, force: true });
    const file = join(this.path, name);
    rmSync(file, { force: true });
    symlinkSync(join('..data', name), file);
    return file;
  }
}

/** The next look at the files: soon while one of them settles, else in its turn. */
export function look({ timer }: Stage): Promise<void> {
  return timer.run(timer.has(SETTLE_MS) ? SETTLE_MS : LOOK_EVERY_MS);
}

/** So many looks that what was there at the first of them is read. */
export async function settle(on: Stage): Promise<void> {
  for (let i = 0; i < 3; i++) await look(on);
}
