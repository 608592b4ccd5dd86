import { Readable } from 'node:stream';
import type { BodySink, BodySource } from './body.ts';

/** The body of a request as undici takes it. */
export class BodyStream extends Readable implements BodySink {
  /** Whether it is the client that is waited for. */
  awaitsClient = false;
  /** Whoever reads from it may keep what it gets. */
  readonly holdsBytes = true;
  readonly #source: BodySource;
  #flows = false;

  constructor(source: BodySource) {
    super({ highWaterMark: 64 * 1024 });
    this.#source = source;
    // Whoever destroys it says why by other means; an error that nobody listens to would end the process.
    this.on('error', ignore);
  }

  override _read(): void {
    this.awaitsClient = true;
    if (this.#flows) return this.#source.resume();
    this.#flows = true;
    this.#source.flowTo(this);
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.awaitsClient = false;
    this.#source.detach();
    callback(error);
  }

  bodyData(chunk: Buffer): boolean {
    if (this.push(chunk)) return true;
    this.awaitsClient = false;
    return false;
  }

  bodyEnd(): void {
    this.awaitsClient = false;
    this.push(null);
  }
}

function ignore(): void {}
