import { LINGER_BYTES } from '../context.ts';
import type { BodyWatcher } from '../request-body.ts';
import type { BodySink, BodySource } from './body.ts';

/** Told when a body that is thrown away has come to its end. */
export interface DiscardWatcher {
  /** All of it has come. */
  discarded(): void;
  /** More came than is worth waiting for. */
  endLinger(): void;
}

/** The body of a request as it comes on the client's connection: kept until somebody takes it, or thrown away. */
export class ReceivedBody implements BodySource {
  readonly length: number;
  /** Bytes that have not come. */
  missing: number;
  /** Bytes that have come and were not taken. */
  heldBytes = 0;
  readonly #hasRoom: () => void;
  readonly #held: Buffer[] = [];
  #sink: BodySink | null = null;
  /** Who was given a part of it last. */
  #taker: BodySink | null = null;
  #watcher: BodyWatcher | null = null;
  #isFull = false;
  #discards: DiscardWatcher | null = null;
  #discardable = LINGER_BYTES;

  /** @param hasRoom called when what was held has been taken */
  constructor(length: number, hasRoom: () => void) {
    this.length = length;
    this.missing = length;
    this.#hasRoom = hasRoom;
  }

  /** Whether somebody still needs bytes of it that came. */
  get holdsBytes(): boolean {
    return this.#held.length > 0 || this.#taker?.holdsBytes === true;
  }

  /** @param watcher is told of the body on its way to the upstream */
  watch(watcher: BodyWatcher): void {
    this.#watcher = watcher;
  }

  /** @param piece of it, no more than is missing */
  receive(piece: Buffer): void {
    this.missing -= piece.length;
    if (this.#discards !== null) return this.#throwAway(piece.length);
    if (this.#sink !== null && !this.#isFull) this.#give(this.#sink, piece);
    else {
      this.#held.push(piece);
      this.heldBytes += piece.length;
    }
  }

  /**
   * Receives what of these bytes is part of it.
   * @param mayHold whether they may be held on to; else it is a copy, as the next connection reads into the same memory
   * @returns the rest
   */
  receiveFrom(bytes: Buffer, mayHold: boolean): Buffer {
    if (this.missing === 0) return bytes;
    const end = Math.min(bytes.length, this.missing);
    const piece = bytes.subarray(0, end);
    this.receive(mayHold ? piece : Buffer.from(piece));
    return bytes.subarray(end);
  }

  flowTo(sink: BodySink): void {
    this.#sink = sink;
    this.#watcher?.bodyAwaited();
    this.#pour(sink);
  }

  resume(): void {
    if (this.#sink === null) return;
    this.#isFull = false;
    this.#watcher?.bodyAwaited();
    this.#pour(this.#sink);
  }

  detach(): void {
    this.#sink = null;
  }

  /** Throws away what was not taken and what still comes. */
  discard(watcher: DiscardWatcher): void {
    this.#sink = null;
    this.#discards = watcher;
    const held = this.heldBytes;
    this.#held.length = 0;
    this.heldBytes = 0;
    this.#throwAway(held);
    this.#hasRoom();
  }

  #pour(sink: BodySink): void {
    while (this.#held.length > 0 && !this.#isFull && this.#sink === sink) {
      const piece = this.#held.shift() as Buffer;
      this.heldBytes -= piece.length;
      this.#give(sink, piece);
    }
    this.#hasRoom();
  }

  #give(sink: BodySink, piece: Buffer): void {
    this.#watcher?.bodyArrived(piece.length);
    this.#taker = sink;
    if (!sink.bodyData(piece)) this.#isFull = true;
    if (this.missing > 0 || this.#held.length > 0 || this.#sink !== sink) return;
    this.#sink = null;
    sink.bodyEnd();
  }

  #throwAway(bytes: number): void {
    this.#discardable -= bytes;
    if (this.#discardable < 0) this.#discards?.endLinger();
    else if (this.missing === 0) this.#discards?.discarded();
  }
}
