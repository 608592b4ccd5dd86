import { createHash } from 'node:crypto';
import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Config } from './config.ts';
import type { Environment } from './environment.ts';
import { type LoadedConfig, loadConfig, readConfigFile } from './load.ts';
import { ConfigError } from './problem.ts';

export interface WatchOptions {
  readonly file: string;
  readonly environment: Environment;
  /** The configuration in use. */
  readonly current: Config;
  /**
   * Puts a new configuration to use. The next reload waits for it. When it fails, the configuration before stays the
   * current one and the failure is reported.
   */
  readonly onChange: (loaded: LoadedConfig, before: Config) => void | Promise<void>;
  /** Told of a file that cannot be used (a ConfigError), or of what `onChange` failed with. Must not throw. */
  readonly onProblem: (problem: unknown) => void;
  /** Milliseconds of quiet after a file event before the file is read; 100 by default. */
  readonly settleMs?: number;
  /** Milliseconds between two looks at the file that no event asked for; 5000 by default. */
  readonly pollMs?: number;
}

/** What came of a reload. */
export type ReloadOutcome = 'changed' | 'unchanged' | 'failed';

export interface ConfigWatch {
  /** The configuration in use. */
  readonly current: Config;
  /** Reads everything again, secrets in other files too; for SIGHUP. Never rejects. */
  reload(): Promise<ReloadOutcome>;
  /** Stops watching. Resolves when no reload is under way any more. */
  close(): Promise<void>;
}

const SETTLE_MS = 100;
const POLL_MS = 5000;

/**
 * Reloads the configuration when its file changes, atomically: a file with a problem is reported and changes nothing.
 * Reloads never overlap.
 */
export function watchConfig(options: WatchOptions): ConfigWatch {
  return new Watch(options);
}

class Watch implements ConfigWatch {
  current: Config;
  readonly #options: WatchOptions;
  readonly #poll: NodeJS.Timeout;
  #watcher: FSWatcher | null = null;
  #settle: NodeJS.Timeout | null = null;
  /** What the file held when it was last looked at; a hash, or a code when it could not be read. */
  #seen: string;
  /** The end of the last reload that was asked for. */
  #queue: Promise<unknown> = Promise.resolve();
  /** A look that waits in the queue; another would see the same. */
  #waiting = false;
  #closed = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.current = options.current;
    // Not the hash of now: the file may have changed since `current` was read from it.
    this.#seen = '';
    this.#watch();
    // Mounted files and network file systems change without an event.
    this.#poll = setInterval(() => this.#look(), options.pollMs ?? POLL_MS).unref();
    this.#look();
  }

  reload(): Promise<ReloadOutcome> {
    return this.#enqueue(() => this.#load());
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#poll);
    if (this.#settle !== null) clearTimeout(this.#settle);
    this.#watcher?.close();
    await this.#queue;
  }

  /**
   * Watches the folder, not the file: editors and Kubernetes replace the file, or a link above it, and a watch on the
   * file itself would stay with the old one. Which name changed does not matter, the content is compared.
   */
  #watch(): void {
    try {
      this.#watcher = watch(dirname(this.#options.file), { persistent: false }, () => this.#event());
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch {
      // No folder, or no watches left on this machine: the poll sees changes, later.
      this.#watcher = null;
    }
  }

  /** Waits until the writing stops; a poll bounds the wait when it never does. */
  #event(): void {
    if (this.#closed) return;
    if (this.#settle !== null) clearTimeout(this.#settle);
    this.#settle = setTimeout(() => this.#look(), this.#options.settleMs ?? SETTLE_MS).unref();
  }

  #look(): void {
    if (this.#waiting || this.#closed) return;
    this.#waiting = true;
    void this.#enqueue(async () => {
      this.#waiting = false;
      return this.#fingerprint() === this.#seen ? 'unchanged' : this.#load();
    });
  }

  #enqueue(task: () => Promise<ReloadOutcome>): Promise<ReloadOutcome> {
    const run = this.#queue.then(() => (this.#closed ? 'unchanged' : task()));
    this.#queue = run;
    return run;
  }

  async #load(): Promise<ReloadOutcome> {
    this.#seen = this.#fingerprint();
    try {
      const loaded = loadConfig(this.#options.file, this.#options.environment);
      if (isDeepStrictEqual(loaded.config, this.current)) return 'unchanged';
      await this.#options.onChange(loaded, this.current);
      this.current = loaded.config;
      return 'changed';
    } catch (error) {
      this.#options.onProblem(error);
      return 'failed';
    }
  }

  #fingerprint(): string {
    try {
      return createHash('sha256').update(readConfigFile(this.#options.file)).digest('hex');
    } catch (error) {
      if (error instanceof ConfigError) return error.message;
      throw error;
    }
  }
}
