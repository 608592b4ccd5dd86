/** Bytes of a read in memory of its own: as many as come, in fewer calls of the system, and still in a core's second cache. */
const OWN_BYTES = 64 * 1024;
const LARGE_BYTES = 256 * 1024;
/** Unused pieces of each size that are kept for whoever wants one next: 10 MB. */
const MAX_SPARE = 32;
/** Pieces that one connection has lent. Who holds on to some is asked to wait, so there is hardly ever a second. */
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
  /** What the connection reads into next. */
  bytes: Buffer;
  readonly #shared: Buffer;
  readonly #lent: Buffer[] = [];

  /** @param shared with all connections of the same kind */
  constructor(shared: Buffer) {
    this.#shared = shared;
    this.bytes = shared;
  }

  /** Whether what came may be held on to, if `next` is told so. */
  get isOwn(): boolean {
    return this.bytes !== this.#shared;
  }

  /**
   * To be asked behind each read.
   * @param expected bytes that are known to come, of what can be passed on as it is
   * @param isHeld   somebody still needs what came
   * @returns what is read into from now on
   */
  next(expected: number, isHeld: boolean): Buffer {
    const { bytes } = this;
    const shared = this.#shared;
    const expectsMuch = expected > shared.length;
    if (bytes === shared) {
      if (!expectsMuch) return shared;
    } else if (!isHeld) {
      if (expectsMuch) return bytes;
      keep(bytes);
    } else if (expectsMuch) this.#lend(bytes);
    // Nobody tells when what came last is done with.
    if (!expectsMuch) this.#lent.length = 0;
    this.bytes = expectsMuch ? ownMemory(expected) : shared;
    return this.bytes;
  }

  /** Nobody holds on to anything that came. */
  takeBack(): void {
    for (let lent = this.#lent.pop(); lent !== undefined; lent = this.#lent.pop()) keep(lent);
  }

  #lend(bytes: Buffer): void {
    if (this.#lent.length < MAX_LENT) this.#lent.push(bytes);
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
