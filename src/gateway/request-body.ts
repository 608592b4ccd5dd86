import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

/** Told what happens to a body on its way to the upstream. */
export interface BodyWatcher {
  /** More bytes came than a body may have. Nothing of the surplus was passed on. */
  bodyTooLarge(): void;
  /** A piece of the body came. */
  bodyArrived(bytes: number): void;
  /** The upstream has taken all that came: from now on it is the client that is waited for. */
  bodyAwaited(): void;
}

function ignore(): void {}

/**
 * The body of a request on its way to the upstream: read only as fast as that takes it, and cut when it is too long.
 * Trailers end here. It stands between the two so that undici may destroy it without touching the client's connection.
 */
export class RequestBody extends Readable {
  /** Whether it is the client that is waited for. */
  awaitsClient = false;
  readonly #source: IncomingMessage;
  readonly #watcher: BodyWatcher;
  #left: number;

  /** @param limit bytes that it may have */
  constructor(source: IncomingMessage, limit: number, watcher: BodyWatcher) {
    super({ highWaterMark: 64 * 1024 });
    this.#source = source;
    this.#left = limit;
    this.#watcher = watcher;
    // Whoever destroys it says why by other means; an error that nobody listens to would end the process.
    this.on('error', ignore);
    source.on('data', this.#onData);
    source.on('end', this.#onEnd);
    source.pause();
  }

  override _read(): void {
    if (!this.awaitsClient) {
      this.awaitsClient = true;
      this.#watcher.bodyAwaited();
    }
    this.#source.resume();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#detach();
    callback(error);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#left -= chunk.length;
    this.#watcher.bodyArrived(chunk.length);
    if (this.#left < 0) {
      this.#detach();
      this.#watcher.bodyTooLarge();
    } else if (!this.push(chunk)) {
      this.awaitsClient = false;
      this.#source.pause();
    }
  };

  readonly #onEnd = (): void => {
    this.awaitsClient = false;
    this.#detach();
    this.push(null);
  };

  #detach(): void {
    this.awaitsClient = false;
    this.#source.off('data', this.#onData);
    this.#source.off('end', this.#onEnd);
  }
}
