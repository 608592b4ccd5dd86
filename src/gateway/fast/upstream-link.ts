import { connect, isIP, type NetConnectOpts, type OnReadOpts, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectSecurely } from 'node:tls';
import type { UpstreamConfig } from '../../config/config.ts';
import { UpstreamError } from '../failure.ts';
import { AnswerClock } from './answer-clock.ts';
import { ANSWER_MEMORY, ReadMemory } from './read-memory.ts';
import { ResponseReader } from './response-reader.ts';
import { HIGH_WATER_BYTES, writePieces } from './socket-writes.ts';

const TCP_KEEP_ALIVE_MS = 60_000;

/** Where connections go to. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly isSecure: boolean;
  /** Of an earlier connection, which makes the next one cheaper; null when there is none. */
  session: Buffer | null;
}

/** The exchange that a connection is for. */
export interface LinkUser {
  /** The connection is ready for the request. @param now performance.now() */
  begin(link: UpstreamLink, now: number): void;
  /** More of an answer came. The bytes are good until this returns, or longer if the link is told that they are held. */
  received(bytes: Buffer, length: number): void;
  /** More can be written. */
  drained(): void;
  /**
   * The connection is gone, or one of the above threw.
   * @param error null when the upstream ended the connection in an orderly way
   */
  closed(error: Error | null): void;
}

/** The pool that a connection belongs to. */
export interface LinkOwner {
  connected(link: UpstreamLink): void;
  /** It is gone, or useless. */
  left(link: UpstreamLink): void;
}

/** A connection to an upstream, for one exchange at a time. */
export class UpstreamLink {
  readonly reader: ResponseReader;
  readonly clock: AnswerClock;
  readonly startedAt: number;
  /** null while it is idle. Bytes that come then are nobody's answer, and end it. */
  user: LinkUser | null;
  isConnected = false;
  isClosed = false;
  /** Its user does not take more at the moment. */
  isPaused = false;
  /** Answers that arrived whole on it: above 0, it is a reused one. */
  answered = 0;
  /** When it must no longer be used, by performance.now(). Said while it is idle. */
  expiresAt = 0;
  /** What was given to its user last is still needed: the user says so, before `received` returns. */
  isHeld = false;
  readonly #memory = new ReadMemory(ANSWER_MEMORY);
  readonly #owner: LinkOwner;
  readonly #socket: Socket;

  /** @param user whom it is made for @param now performance.now() */
  constructor(target: Target, config: UpstreamConfig, owner: LinkOwner, user: LinkUser, now: number) {
    this.reader = new ResponseReader(config.maxHeaderBytes);
    this.clock = new AnswerClock(config);
    this.user = user;
    this.startedAt = now;
    this.#owner = owner;
    const socket = open(target, {
      buffer: () => this.#memory.next(this.user === null ? 0 : this.reader.expected, this.isHeld),
      callback: (length, bytes) => {
        this.isHeld = false;
        this.received(bytes as Buffer, length);
        return true;
      },
    });
    this.#socket = socket;
    socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS);
    socket.setNoDelay(true);
    socket.once(target.isSecure ? 'secureConnect' : 'connect', () => this.#connected());
    socket.on('drain', () => this.#drained());
    socket.on('error', (error) => this.#closed(error));
    socket.on('end', () => this.#closed(null));
    socket.on('close', () => this.#closed(null));
  }

  /** Whether what its user is given may be held on to. */
  get ownsMemory(): boolean {
    return this.#memory.isOwn;
  }

  /** Whether it is open, and the system has all that was written on it. */
  get isSettled(): boolean {
    return !this.isClosed && this.#socket.writableLength === 0;
  }

  /** Whether bytes that were written have not been taken by the system. */
  get holdsBytes(): boolean {
    return this.#socket.writableLength > 0;
  }

  /** @returns whether more may follow at once; when not, the user is told once it may */
  write(text: string): boolean {
    return this.#socket.write(text, 'latin1');
  }

  /** Writes two pieces in one go. @param bytes are held on to until they are sent @returns as `write` does */
  writeBoth(text: string, bytes: Buffer): boolean {
    return writePieces(this.#socket, text, bytes, '');
  }

  /** @param bytes are held on to until they are sent @returns as `write` does */
  writeBytes(bytes: Buffer): boolean {
    return this.#socket.write(bytes);
  }

  /** Reads no more until `resume`. */
  pause(): void {
    if (this.isPaused) return;
    this.isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.#socket.resume();
  }

  /** Nobody needs what came any more. */
  takeBackMemory(): void {
    this.#memory.takeBack();
  }

  /** Ends it at once. Its user hears nothing more. */
  destroy(): void {
    this.user = null;
    this.#closed(null);
  }

  /** Ends it at once, and tells its user why. */
  fail(error: Error): void {
    this.#closed(error);
  }

  /** Resolves when the system has let go of it. */
  async whenGone(): Promise<void> {
    if (this.#socket.closed) return;
    await new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
  }

  /** Hands it to an exchange. @param now performance.now() */
  begin(user: LinkUser, now: number): void {
    this.user = user;
    try {
      user.begin(this, now);
    } catch (error) {
      this.#threw(user, error);
    }
  }

  /** Bytes came. @param bytes hold them until this returns */
  received(bytes: Buffer, length: number): void {
    if (this.isClosed) return;
    const { user } = this;
    // Nobody has asked yet: it cannot be the answer.
    if (user === null || !this.isConnected) return this.fail(unasked());
    try {
      user.received(bytes, length);
    } catch (error) {
      this.#threw(user, error);
    }
  }

  #drained(): void {
    const { user } = this;
    if (user === null) return;
    try {
      user.drained();
    } catch (error) {
      this.#threw(user, error);
    }
  }

  /** Only the exchange suffers, not the process. */
  #threw(user: LinkUser, error: unknown): void {
    const failure = error instanceof Error ? error : new Error('unknown failure');
    if (this.user === user) this.#closed(failure);
    else user.closed(failure);
  }

  #connected(): void {
    if (this.isClosed) return;
    this.isConnected = true;
    this.#owner.connected(this);
  }

  #closed(error: Error | null): void {
    if (this.isClosed) return;
    this.isClosed = true;
    const { user } = this;
    this.user = null;
    this.#socket.destroy();
    this.#owner.left(this);
    user?.closed(error);
  }
}

function unasked(): UpstreamError {
  return new UpstreamError('invalid_answer', 'The upstream sent what was not asked for');
}

function open(target: Target, onread: OnReadOpts): Socket {
  const { host, port } = target;
  const common: NetConnectOpts & { highWaterMark: number } = { host, port, onread, highWaterMark: HIGH_WATER_BYTES };
  if (!target.isSecure) return connect(common);
  const options: ConnectionOptions = { ...common, ALPNProtocols: ['http/1.1'] };
  // An address is no server name (RFC 6066 §3); the certificate is checked against it all the same.
  if (isIP(host) === 0) options.servername = host;
  if (target.session !== null) options.session = target.session;
  const socket = connectSecurely(options);
  socket.on('session', (session) => {
    target.session = session;
  });
  return socket;
}
