/** What a pipe takes in one piece on Linux (PIPE_BUF): so lines of several workers on one pipe never mix. */
export const MAX_PIECE_BYTES = 4096;
/** Lines that wait for a slow reader, all together; what comes on top is dropped and counted. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
/** The longest that a line waits for others to share a write with. */
const GATHER_MS = 50;
/** After a failed write (disk full, reader gone), nothing is tried for so long. */
const RETRY_MS = 1000;

/** The part of a writable stream that is used here. */
export interface LogDestination {
  /** `done` is told when the bytes are written, or why not. */
  write(bytes: Buffer, done?: (error?: Error | null) => void): unknown;
  on(event: 'error', listener: () => void): unknown;
}

interface Piece {
  readonly bytes: Buffer;
  readonly lines: number;
}

export interface LogOutputOptions {
  /** Bytes that may wait for the stream; 8 MiB when absent. */
  readonly maxWaitingBytes?: number;
  /** Milliseconds until writing is tried again after it failed; 1000 when absent. */
  readonly retryMs?: number;
}

/**
 * Lines on their way to a stream: gathered, written one piece at a time, and bounded, whatever the reader does.
 *
 * It writes through the stream rather than through `fs.write`, as pino's own destination does: that one waits in a
 * thread for a reader that has stalled, and the process then cannot even exit.
 */
export class LogOutput {
  readonly #stream: LogDestination;
  readonly #maxWaitingBytes: number;
  readonly #retryMs: number;
  #gathered = '';
  #gatheredBytes = 0;
  #gatheredLines = 0;
  readonly #queue: Piece[] = [];
  /** Bytes gathered, queued and being written. */
  #waitingBytes = 0;
  #writing: Piece | null = null;
  #broken = false;
  #dropped = 0;
  #timer: NodeJS.Timeout | null = null;
  #whenIdle: (() => void) | null = null;

  constructor(stream: LogDestination, options: LogOutputOptions = {}) {
    this.#stream = stream;
    this.#maxWaitingBytes = options.maxWaitingBytes ?? MAX_WAITING_BYTES;
    this.#retryMs = options.retryMs ?? RETRY_MS;
    stream.on('error', this.#onError);
  }

  /** Lines that were given up since the start, because the reader was too slow or gone. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Bytes that wait to be written. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** @param line with its line feed at the end */
  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#broken || this.#waitingBytes + bytes > this.#maxWaitingBytes) {
      this.#dropped++;
      return;
    }
    if (this.#gatheredBytes > 0 && this.#gatheredBytes + bytes > MAX_PIECE_BYTES) this.flush();
    this.#gathered += line;
    this.#gatheredBytes += bytes;
    this.#gatheredLines++;
    this.#waitingBytes += bytes;
    this.#timer ??= setTimeout(this.#onTimer, GATHER_MS).unref();
  }

  /** Starts writing what was gathered; does not wait for it. */
  flush(): void {
    this.#cut();
    this.#pump();
  }

  /**
   * For the last moment of a process: hands everything to the stream at once. What a pipe has room for, or a file or
   * terminal takes, is then written when this returns; nothing waits for a reader that has stalled.
   */
  flushNow(): void {
    this.#cut();
    if (this.#broken) return;
    for (const piece of this.#queue.splice(0)) {
      this.#waitingBytes -= piece.bytes.length;
      this.#stream.write(piece.bytes);
    }
  }

  /** Resolves when everything is written, or after `timeoutMs`. Lines may still be written afterwards. */
  async drain(timeoutMs: number): Promise<void> {
    this.flush();
    if (this.#writing === null) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      const before = this.#whenIdle;
      this.#whenIdle = () => {
        clearTimeout(timer);
        before?.();
        resolve();
      };
    });
  }

  #cut(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#gatheredLines === 0) return;
    // A buffer at once: strings built of many parts take several times their length until they are joined.
    this.#queue.push({ bytes: Buffer.from(this.#gathered), lines: this.#gatheredLines });
    this.#gathered = '';
    this.#gatheredBytes = 0;
    this.#gatheredLines = 0;
  }

  #pump(): void {
    if (this.#writing !== null || this.#broken) return;
    const piece = this.#queue.shift();
    if (piece === undefined) {
      this.#whenIdle?.();
      this.#whenIdle = null;
      return;
    }
    this.#writing = piece;
    this.#stream.write(piece.bytes, this.#onWritten);
  }

  readonly #onTimer = (): void => {
    this.#timer = null;
    this.flush();
  };

  readonly #onWritten = (error?: Error | null): void => {
    const piece = this.#writing;
    if (piece === null) return;
    if (error) {
      this.#onError();
      return;
    }
    this.#writing = null;
    this.#waitingBytes -= piece.bytes.length;
    this.#pump();
  };

  /** The reader is gone, or the disk full: the gateway goes on without a log, and counts what it drops. */
  readonly #onError = (): void => {
    if (this.#broken) return;
    this.#broken = true;
    setTimeout(this.#retry, this.#retryMs).unref();
    this.#cut();
    this.#dropped += this.#writing?.lines ?? 0;
    for (const piece of this.#queue.splice(0)) this.#dropped += piece.lines;
    this.#writing = null;
    this.#waitingBytes = 0;
    this.#whenIdle?.();
    this.#whenIdle = null;
  };

  readonly #retry = (): void => {
    this.#broken = false;
  };
}
