import type { DiscardWatcher } from './received-body.ts';

/** Told what becomes of what was written to a client, and of what it still sends. */
export interface LineWatcher extends DiscardWatcher {
  /** The system has taken everything. */
  flushed(): void;
  /** The client takes more again. */
  resumed(): void;
}

/** A client's connection, as the one who writes an answer to it sees it. */
export interface ClientLine {
  /** Nothing more is read from it as a request; it closes after the answer. */
  closing: boolean;
  /** `Connection` and `Keep-Alive` of an answer that leaves it open, and the end of its head. */
  readonly keepAliveText: string;
  /** Whether a part of the request's body has not come. */
  readonly isReceiving: boolean;
  /** Whether bytes that were written have not been taken by the system. */
  readonly holdsBytes: boolean;
  /** Whether the client is behind with reading. */
  readonly needsDrain: boolean;
  /** @returns whether the client keeps up */
  write(text: string, encoding: 'latin1' | 'utf8'): boolean;
  /** Text, bytes and text, as one piece for the system. Texts are latin1, and may be ''. @returns whether the client keeps up */
  writePieces(before: string, chunk: Buffer, after: string): boolean;
  /** Tells the watcher once the system has taken all that was written, at once where it has. */
  whenFlushed(watcher: LineWatcher): void;
  /** Throws away what comes of the body, and tells the watcher when that was all of it, or too much. */
  discardBody(watcher: LineWatcher): void;
}
