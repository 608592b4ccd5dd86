import { UpstreamError } from '../failure.ts';
import type { BodySink, BodySource } from './body.ts';
import { NEVER_HELD_BYTES } from './socket-writes.ts';
import type { UpstreamLink } from './upstream-link.ts';

/** Told how the request goes out. */
export interface BodyRelayOwner {
  /** All of it was written. */
  requestSent(): void;
  /** The upstream does not take more at the moment, or takes it again. */
  requestPaused(): void;
  failed(error: UpstreamError): void;
}

/** Writes a request that has a body to an upstream: the head goes with the first piece. */
export class BodyRelay implements BodySink {
  /** The upstream does not take more now. */
  isBlocked = false;
  readonly #owner: BodyRelayOwner;
  readonly #link: UpstreamLink;
  readonly #source: BodySource;
  /** '' when it was written. */
  #head: string;
  #left: number;
  #isOver = false;

  constructor(owner: BodyRelayOwner, link: UpstreamLink, head: string, source: BodySource) {
    this.#owner = owner;
    this.#link = link;
    this.#head = head;
    this.#source = source;
    this.#left = source.length;
  }

  get holdsBytes(): boolean {
    return this.#link.holdsBytes;
  }

  bodyData(chunk: Buffer): boolean {
    if (this.#isOver || chunk.length === 0) return true;
    this.#left -= chunk.length;
    // Written, what is too much would be read as another request.
    if (this.#left < 0) return this.#break('longer');
    const head = this.#head;
    this.#head = '';
    let keepsUp: boolean;
    if (head === '') keepsUp = this.#link.writeBytes(chunk);
    else if (chunk.length <= NEVER_HELD_BYTES) keepsUp = this.#link.write(head + chunk.toString('latin1'));
    else keepsUp = this.#link.writeBoth(head, chunk);
    if (keepsUp) return true;
    this.isBlocked = true;
    this.#owner.requestPaused();
    return false;
  }

  bodyEnd(): void {
    if (this.#isOver) return;
    if (this.#left > 0) this.#break('shorter');
    else {
      this.#isOver = true;
      this.#owner.requestSent();
    }
  }

  /** The upstream takes more again. */
  drained(): void {
    if (!this.isBlocked) return;
    this.isBlocked = false;
    if (this.#isOver) return;
    this.#owner.requestPaused();
    this.#source.resume();
  }

  /** Nothing more is written. */
  end(): void {
    this.#isOver = true;
  }

  #break(how: string): boolean {
    this.#isOver = true;
    this.#owner.failed(
      new UpstreamError('request_broken', `The body of the request is ${how} than its Content-Length`),
    );
    return true;
  }
}
