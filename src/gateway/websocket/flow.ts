import { FrameTracker } from './frames.ts';

/** One direction of a tunnel: passes bytes on as they are until it is told to close, then ends with a Close frame. */
export class Flow {
  readonly #frames: FrameTracker;
  /** Our Close frame, while it waits for the end of a frame. */
  #waiting: Buffer | null = null;
  /** Our Close frame was put in: nothing may follow it. */
  #cut = false;

  /** @param masked whether it flows from a client to a server */
  constructor(masked: boolean) {
    this.#frames = new FrameTracker(masked);
  }

  /** Whether the sender of this direction has sent its Close, passed on or not. */
  get senderClosed(): boolean {
    return this.#frames.closed;
  }

  /** Whether its receiver was sent a Close, ours or the sender's. */
  get receiverTold(): boolean {
    return this.#cut || this.#frames.closed;
  }

  /** Whether it can still be said where frames end. */
  get intact(): boolean {
    return this.#frames.intact;
  }

  /** What of a chunk goes on, with our Close behind it when there is room for that; null for nothing. */
  pass(chunk: Buffer): Buffer | null {
    const frames = this.#frames;
    if (this.#cut) {
      frames.advance(chunk, false);
      return null;
    }
    if (this.#waiting === null) {
      frames.advance(chunk, false);
      return chunk;
    }
    const kept = frames.advance(chunk, true);
    if (!frames.atBoundary) return chunk;
    const passed = chunk.subarray(0, kept);
    const close = this.#end();
    frames.advance(chunk.subarray(kept), false);
    return close === null ? passed : Buffer.concat([passed, close]);
  }

  /**
   * Puts a Close frame in: now when no frame is under way, else behind the one that is.
   * @returns what is to be sent now; null for nothing
   */
  close(frame: Buffer): Buffer | null {
    if (this.#cut || this.#waiting !== null) return null;
    this.#waiting = frame;
    return this.#frames.atBoundary ? this.#end() : null;
  }

  /** Nothing goes on from here; the Close is ours unless the sender's own is already there. */
  #end(): Buffer | null {
    const frame = this.#waiting;
    this.#waiting = null;
    this.#cut = true;
    return this.#frames.closed ? null : frame;
  }
}
