/** Bytes of a read where no more is known to come. */
const SHARED_BYTES = 64 * 1024;
/** Bytes of a read where much comes: fewer calls of the system, and still in a core's second cache. */
const OWN_BYTES = 256 * 1024;
/** From so many bytes to come on, a connection reads into memory of its own. */
export const MUCH_BYTES = 128 * 1024;
/** Unused pieces that are kept for whoever wants their own next: 8 MB. */
const MAX_SPARE = 32;
/** Pieces that one connection has lent. Who holds on to some is asked to wait, so there is hardly ever a second. */
const MAX_LENT = 4;

/** All connections read into it: what came is used, or copied, before the next one reads. */
const shared = Buffer.allocUnsafeSlow(SHARED_BYTES);
const spare: Buffer[] = [];

/**
 * What one connection reads into: memory that all share, as long as what comes is little and copied at once; memory of its
 * own while much comes, so that it can be passed on as it is.
 */
export class ReadMemory {
  /** What the connection reads into next. */
  bytes: Buffer = shared;
  readonly #lent: Buffer[] = [];

  /** Whether what came may be held on to, if `next` is told so. */
  get isOwn(): boolean {
    return this.bytes !== shared;
  }

  /**
   * To be asked behind each read.
   * @param expectsMuch MUCH_BYTES or more are to come
   * @param isHeld      somebody still needs what came
   * @returns what is read into from now on
   */
  next(expectsMuch: boolean, isHeld: boolean): Buffer {
    const { bytes } = this;
    if (bytes === shared) {
      if (!expectsMuch) return shared;
    } else if (!isHeld) {
      if (expectsMuch) return bytes;
      keep(bytes);
    } else if (expectsMuch) this.#lend(bytes);
    // Nobody tells when what came last is done with.
    if (!expectsMuch) this.#lent.length = 0;
    this.bytes = expectsMuch ? (spare.pop() ?? Buffer.allocUnsafeSlow(OWN_BYTES)) : shared;
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

function keep(bytes: Buffer): void {
  if (spare.length < MAX_SPARE) spare.push(bytes);
}
