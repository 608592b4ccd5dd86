import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';
import { PlacesError, type PlacesTrouble, type PlacesUpdates } from '../core/places.ts';
import { lookAt, type ReadFile, readPlacesFile, unchanging } from './file.ts';
import type { PlacesOptions } from './options.ts';
import { asPlacesError, SourceRecord } from './record.ts';

/** Between two looks at a file that no event asked for: mounted files and network file systems change without one. */
export const LOOK_EVERY_MS = 5_000;
/** Between two looks at a file that changed; only when both see the same is it read, for else somebody is writing it. */
export const SETTLE_MS = 500;

/** What a file is for. */
export interface FileKind<T> {
  readonly setting: string;
  readonly path: string;
  /** Bytes. */
  readonly limit: number;
  /**
   * @param before what serves; null at the start
   * @throws PlacesError when the file is not what it should be
   */
  readonly parse: (file: ReadFile, before: T | null) => Promise<T>;
  /** What the log says of something new: `built on 2026-09-21`. */
  readonly describe: (loaded: Loaded<T>) => string;
}

/** What was understood of a file, and the bytes of it. */
export interface Loaded<T> extends ReadFile {
  readonly value: T;
}

/** A file that others replace while it is in use. What it said last, whole and understood, serves until the next does. */
export class WatchedFile<T> {
  readonly #kind: FileKind<T>;
  readonly #options: PlacesOptions;
  readonly #record: SourceRecord;
  #loaded: Loaded<T>;
  /** The look at a file that was read and refused. */
  #refused: string | null = null;
  /** What the look before saw, of a file that is to be read. */
  #previous: string | null = null;
  /** Something happened in the folder since the look that is under way began. */
  #isStirred = false;
  #isStopped = false;
  #looking: Promise<void> | null = null;
  #watcher: FSWatcher | null = null;
  #stopPolling: () => void = () => undefined;
  #stopSettling: (() => void) | null = null;

  private constructor(kind: FileKind<T>, options: PlacesOptions, loaded: Loaded<T>) {
    this.#kind = kind;
    this.#options = options;
    this.#loaded = loaded;
    this.#record = new SourceRecord(options.clock, options.onEvent);
  }

  /** @throws PlacesError when the file cannot be used */
  static async open<T>(kind: FileKind<T>, options: PlacesOptions): Promise<WatchedFile<T>> {
    return new WatchedFile(kind, options, await loadFile(kind));
  }

  get loaded(): Loaded<T> {
    return this.#loaded;
  }

  get troubles(): readonly PlacesTrouble[] {
    return this.#record.troubles;
  }

  get updates(): PlacesUpdates {
    return this.#record.updates;
  }

  start(): void {
    this.#watch();
    // The file may have changed since it was opened.
    this.#settle();
    this.#stopPolling = this.#options.repeat(() => {
      // While it settles, looks come soon enough, and must not come sooner.
      return this.#stopSettling === null ? this.look() : undefined;
    }, LOOK_EVERY_MS);
  }

  /** A look that is under way comes to nothing. */
  stop(): void {
    this.#isStopped = true;
    this.#stopPolling();
    this.#endSettling();
    this.#watcher?.close();
  }

  /** Looks at the file, and takes it over when it is new, complete, and what it should be. Never rejects. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  /**
   * Watches the folder, not the file: whoever replaces the file, or a link above it as Kubernetes does, would leave a watch
   * on the file itself with the old one. Which name changed does not matter, the file is looked at.
   */
  #watch(): void {
    try {
      this.#watcher = watch(dirname(this.#kind.path), { persistent: false }, () => this.#stir());
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch {
      // No folder, or no watches left on this machine: it is looked at all the same, later.
      this.#watcher = null;
    }
  }

  #stir(): void {
    this.#isStirred = true;
    this.#settle();
  }

  #settle(): void {
    if (this.#isStopped) return;
    this.#stopSettling ??= this.#options.repeat(() => this.look(), SETTLE_MS);
  }

  #endSettling(): void {
    this.#stopSettling?.();
    this.#stopSettling = null;
  }

  async #look(): Promise<void> {
    this.#isStirred = false;
    const { setting, path } = this.#kind;
    let isSettled = true;
    try {
      const { fingerprint } = await lookAt(setting, path);
      isSettled = await this.#follow(fingerprint);
    } catch (error) {
      this.#previous = null;
      this.#refused = null;
      this.#failed(error, false);
    }
    if (isSettled && !this.#isStirred) this.#endSettling();
    else this.#settle();
  }

  /** @returns whether there is nothing more to wait for */
  async #follow(seen: string): Promise<boolean> {
    if (this.#isStopped) return true;
    if (seen === this.#loaded.fingerprint || seen === this.#refused) {
      this.#previous = null;
      // The file that serves is there again.
      if (seen === this.#loaded.fingerprint) this.#record.recovered(this.#kind.setting);
      return true;
    }
    const isSteady = seen === this.#previous;
    this.#previous = seen;
    if (!isSteady) return false;
    this.#previous = null;
    return this.#read(seen);
  }

  /** @returns false when somebody is writing the file again, so that it must settle first */
  async #read(seen: string): Promise<boolean> {
    const { setting, path, limit, parse } = this.#kind;
    try {
      const file = await readPlacesFile(setting, path, limit);
      // Only of one that has not changed for a while is it certain that no change was missed while it was read.
      if (file?.fingerprint !== seen) return false;
      const next = { ...file, value: await parse(file, this.#loaded.value) };
      if (this.#isStopped) return true;
      const isNew = !next.bytes.equals(this.#loaded.bytes);
      this.#loaded = isNew ? next : { ...next, bytes: this.#loaded.bytes, value: this.#loaded.value };
      this.#refused = null;
      if (isNew) this.#record.updated(this.#kind.setting, this.#kind.describe(next));
      else this.#record.updates.unchanged++;
      this.#record.recovered(this.#kind.setting);
    } catch (error) {
      // What was read and is no good stays so; what cannot be read may be readable soon.
      const isInvalid = error instanceof PlacesError && error.code === 'PLACES_INVALID';
      if (isInvalid) this.#refused = seen;
      this.#failed(error, isInvalid);
    }
    return true;
  }

  /** @param isAnother whether it is a failure to be counted, although the same was wrong before */
  #failed(error: unknown, isAnother: boolean): void {
    if (this.#isStopped) return;
    const { setting, path } = this.#kind;
    const isNew = this.#record.trouble(asPlacesError(error, setting, `${JSON.stringify(path)} cannot be read`));
    if (isNew || isAnother) this.#record.updates.failure++;
  }
}

/** @throws PlacesError when the file cannot be used */
export async function loadFile<T>({ setting, path, limit, parse }: FileKind<T>): Promise<Loaded<T>> {
  const file = unchanging(await readPlacesFile(setting, path, limit), setting, path);
  return { ...file, value: await parse(file, null) };
}
