import { Duplex } from 'node:stream';
import { Flow } from './flow.ts';
import { closeFrame } from './frames.ts';

/** What a client may send before the upstream has agreed. RFC 6455 §4.1 has it wait, so anything at all is odd. */
export const MAX_EARLY_BYTES = 64 * 1024;

/** Who a bridge tells what happens to its client. */
export interface BridgeOwner {
  /** Bytes came, in one direction or the other. */
  moved(): void;
  /** The client has ended its direction. */
  clientEnded(): void;
  /** More early bytes came than are held. */
  flooded(): void;
}

/**
 * What http-proxy-3 takes for the client's socket. The proxy pipes the upstream's socket into it and out of it; behind it
 * stands the client, but nothing reaches either side that the gateway did not let through:
 *
 * - before `open`, the client's bytes are held, and nothing goes to the client at all;
 * - the first thing that the proxy writes, its own rendering of the 101, is thrown away: the client was sent another;
 * - on `sendClose` each direction ends with a Close frame between two frames.
 */
export class Bridge extends Duplex {
  owner: BridgeOwner;
  /** Bytes passed on to the upstream, and to the client. */
  requestBytes = 0;
  responseBytes = 0;
  readonly #client: Duplex;
  readonly #toClient = new Flow(false);
  readonly #toUpstream = new Flow(true);
  readonly #early: Buffer[] = [];
  #earlyBytes = 0;
  #open = false;
  #skippedHead = false;
  #closing = false;
  #pushedEnd = false;
  #deaf = false;

  constructor(client: Duplex, owner: BridgeOwner) {
    super();
    this.owner = owner;
    this.#client = client;
  }

  /**
   * Begins to read the client, so that it is noticed when it leaves.
   * @param early what was read from it already
   */
  hold(early: Buffer): void {
    this.#fromClient(early);
    this.#client.on('data', this.#onData);
    this.#client.on('end', this.#onEnd);
  }

  /** Whether either side has said that it closes. */
  get sawClose(): boolean {
    return this.#toClient.senderClosed || this.#toUpstream.senderClosed;
  }

  /** The upstream has agreed: what was held goes to it, and bytes pass from now on. */
  open(owner: BridgeOwner): void {
    this.owner = owner;
    this.#open = true;
    for (const chunk of this.#early.splice(0)) this.#fromClient(chunk);
  }

  /**
   * Ends both directions with a Close frame, each as soon as the frame under way in it has ended.
   * @returns false when that is impossible because the upstream does not send frames
   */
  sendClose(code: number, reason: string): boolean {
    if (!this.#toClient.intact) return false;
    this.#closing = true;
    const down = this.#toClient.close(closeFrame(code, reason, false));
    if (down !== null && this.#client.writable) this.#client.write(down);
    const up = this.#toUpstream.close(closeFrame(code, reason, true));
    if (up !== null && !this.#pushedEnd) this.push(up);
    // Nothing more goes upstream, so there is nothing to wait for before the client's answer is read.
    if (this.#toUpstream.receiverTold) this.#client.resume();
    this.#endAnswered();
    return true;
  }

  /** The upstream is gone: what the client still sends is read, so that its end is noticed, and thrown away. */
  ignoreClient(): void {
    this.#deaf = true;
    this.#client.resume();
  }

  /** Lets go of the client: it is no longer read. */
  release(): void {
    this.#client.off('data', this.#onData);
    this.#client.off('end', this.#onEnd);
    this.#early.length = 0;
    this.destroy();
  }

  readonly #onData = (chunk: Buffer): void => this.#fromClient(chunk);

  readonly #onEnd = (): void => {
    if (this.#open) this.#pushEnd();
    this.owner.clientEnded();
  };

  #fromClient(chunk: Buffer): void {
    if (chunk.length === 0 || this.destroyed || this.#deaf) return;
    if (!this.#open) {
      this.#earlyBytes += chunk.length;
      if (this.#earlyBytes > MAX_EARLY_BYTES) this.owner.flooded();
      else this.#early.push(chunk);
      return;
    }
    this.owner.moved();
    const passed = this.#toUpstream.pass(chunk);
    if (this.#closing) this.#endAnswered();
    if (passed === null || this.#pushedEnd) return;
    this.requestBytes += passed.length;
    if (!this.push(passed) && !this.#toUpstream.receiverTold) this.#client.pause();
  }

  override _read(): void {
    if (this.#open) this.#client.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (!this.#skippedHead) {
      this.#skippedHead = true;
      return done();
    }
    this.owner.moved();
    const passed = this.#toClient.pass(chunk);
    if (passed !== null) this.responseBytes += passed.length;
    const full = passed !== null && this.#client.writable && !this.#client.write(passed);
    if (this.#closing) this.#endAnswered();
    if (full) this.#client.once('drain', done);
    else done();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#client.end();
    done();
  }

  /** A side that was told to close and has said the same is done (RFC 6455 §7.1.1). */
  #endAnswered(): void {
    if (this.#toClient.receiverTold && this.#toUpstream.senderClosed) this.#client.end();
    if (this.#toUpstream.receiverTold && this.#toClient.senderClosed) this.#pushEnd();
  }

  #pushEnd(): void {
    if (this.#pushedEnd) return;
    this.#pushedEnd = true;
    this.push(null);
  }

  // What http-proxy-3 does to the client's socket, besides piping.

  /** The client's time limits are the gateway's to set. */
  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  /** The client is told by the gateway, so there is nothing to flush. */
  destroySoon(): void {
    this.destroy();
  }
}
