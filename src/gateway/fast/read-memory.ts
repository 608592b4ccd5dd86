/** Bytes of a piece of memory of a connection's own. */
const OWN_BYTES = 64 * 1024;
/** The same where more than this is expected, as it takes fewer calls of the system. */
const LARGE_BYTES = 256 * 1024;
/** Unused pieces of each size that are kept for whoever wants one next: 10 MB. */
const MAX_SPARE = 32;
/** Pieces that one connection has lent and wants back. Who holds on to one is asked to wait, so there is hardly ever a second. */
const MAX_LENT = 4;

/** All connections to upstreams read into it while little comes: what came is used, or copied, before the next one reads. */
export const ANSWER_MEMORY = Buffer.allocUnsafeSlow(16 * 1024);
/** The same of clients. As much as node:http reads at a time: how much of a request is there decides on some of its answers. */
export const REQUEST_MEMORY = Buffer.allocUnsafeSlow(64 * 1024);
const spareOwn: Buffer[] = [];
const spareLarge: Buffer[] = [];

/**
 * What one connection reads into: memory that all share, as long as what comes is little and copied at once; memory of its
 * own while more comes, so that it can be passed on as it is.
 */
export class ReadMemory {
  /** What the connection reads into now. */
  #bytes: Buffer;
  readonly #shared: Buffer;
  readonly #lent: Buffer[] = [];

  /** @param shared with all connections of the same kind */
  constructor(shared: Buffer) {
    this.#shared = shared;
    this.#bytes = shared;
  }

  /** Whether what came may be held on to, if `next` is told so. */
  get isOwn(): boolean {
    return this.#bytes !== this.#shared;
  }

  /**
   * To be asked behind each read.
   * @param expected bytes that are known or thought to come, of what can be passed on as it is
   * @param isHeld   somebody still needs what came
   * @returns what is read into from now on
   */
  next(expected: number, isHeld: boolean): Buffer {
    const bytes = this.#bytes;
    const shared = this.#shared;
    if (expected <= shared.length) return bytes === shared ? shared : this.#share(isHeld);
    if (bytes !== shared) {
      if (!isHeld) return bytes;
      if (this.#lent.length < MAX_LENT) this.#lent.push(bytes);
    }
    this.#bytes = ownMemory(expected);
    return this.#bytes;
  }

  /** Nobody holds on to anything that came. */
  takeBack(): void {
    for (let lent = this.#lent.pop(); lent !== undefined; lent = this.#lent.pop()) keep(lent);
  }

  /** Reads into what all share again. */
  #share(isHeld: boolean): Buffer {
    if (!isHeld) keep(this.#bytes);
    // Not kept: when what came last is held on to, nobody tells when that is over.
    this.#lent.length = 0;
    this.#bytes = this.#shared;
    return this.#shared;
  }
}

function ownMemory(expected: number): Buffer {
  if (expected > LARGE_BYTES) return spareLarge.pop() ?? Buffer.allocUnsafeSlow(LARGE_BYTES);
  return spareOwn.pop() ?? Buffer.allocUnsafeSlow(OWN_BYTES);
}

function keep(bytes: Buffer): void {
  const spare = bytes.length === LARGE_BYTES ? spareLarge : spareOwn;
  if (spare.length < MAX_SPARE) spare.push(bytes);
}
