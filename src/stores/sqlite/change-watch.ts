import { type FSWatcher, statSync, watch } from 'node:fs';

/**
 * Pauses between looks after something was written, and how many looks there are. What a transaction writes can be seen by
 * others once it is on the disk, which takes a while and is not announced. After 250 ms everybody has asked anyway. A look
 * takes some microseconds.
 */
const FIRST_PAUSES_MS = [1, 1, 2, 4];
const PAUSE_MS = 8;
const LOOKS = 35;
/** When there is nothing to watch, or the system refuses: how long until the next try. */
const RETRY_MS = 1_000;

/**
 * Tells when another process committed a change: the system says that the write-ahead log was written to, and then the
 * newest change is looked for until it can be seen. One file is watched and not its folder, in which every lease is
 * written. Whatever goes wrong here, nothing fails: hints are missing, and come again later.
 */
export class ChangeWatch {
  readonly #log: string;
  readonly #newest: () => string | undefined;
  readonly #hint: () => void;
  #seen: string | undefined;
  #watcher: FSWatcher | null = null;
  /** Of the file that is watched: when it is made anew, the watch is still on the old one. */
  #inode = 0;
  #look: NodeJS.Timeout | null = null;
  #looks = 0;
  #retry: NodeJS.Timeout | null = null;
  #ended = false;

  /**
   * @param file the database
   * @param newest position of its newest change that can be seen; undefined when there is none
   */
  constructor(file: string, newest: () => string | undefined, hint: () => void) {
    this.#log = `${file}-wal`;
    this.#newest = newest;
    this.#hint = hint;
    this.#seen = this.#lookUp();
    this.#open();
  }

  /** Something was written, or is about to be: looks for it for a while. */
  stir(): void {
    const isSoon = this.#look !== null && this.#looks === 0;
    this.#looks = 0;
    if (isSoon) return;
    if (this.#look !== null) clearTimeout(this.#look);
    this.#lookSoon();
  }

  end(): void {
    this.#ended = true;
    this.#watcher?.close();
    if (this.#look !== null) clearTimeout(this.#look);
    if (this.#retry !== null) clearTimeout(this.#retry);
  }

  #lookSoon(): void {
    if (this.#ended) return;
    if (this.#looks === LOOKS) {
      this.#look = null;
      if (this.#watcher !== null && inodeOf(this.#log) !== this.#inode) this.#openLater();
      return;
    }
    this.#look = setTimeout(() => {
      this.#looks++;
      const newest = this.#lookUp();
      if (newest !== this.#seen) {
        this.#seen = newest;
        this.#hint();
      }
      this.#lookSoon();
    }, FIRST_PAUSES_MS[this.#looks] ?? PAUSE_MS);
    this.#look.unref();
  }

  /** A store that cannot be read now hints at nothing. */
  #lookUp(): string | undefined {
    try {
      return this.#newest();
    } catch {
      return this.#seen;
    }
  }

  #open(): void {
    this.#retry = null;
    this.#inode = inodeOf(this.#log);
    try {
      this.#watcher = watch(this.#log, { persistent: false }, () => this.stir());
      this.#watcher.on('error', () => this.#openLater());
    } catch {
      this.#openLater();
    }
    // What was written before was not told.
    this.stir();
  }

  #openLater(): void {
    this.#watcher?.close();
    this.#watcher = null;
    if (this.#ended || this.#retry !== null) return;
    this.#retry = setTimeout(() => this.#open(), RETRY_MS);
    this.#retry.unref();
  }
}

/** 0 when there is no such file. */
function inodeOf(path: string): number {
  try {
    return statSync(path).ino;
  } catch {
    return 0;
  }
}
