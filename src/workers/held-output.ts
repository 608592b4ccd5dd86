import type { LogDestination } from '../observe/log-output.ts';

/**
 * Standard output that waits until it may be written to. What says where the gateway listens comes first, and comes from
 * another process.
 */
export class HeldOutput implements LogDestination {
  readonly #stream: LogDestination;
  /** Log output gives one piece and waits for it; only at the end of the process are there more. Null: nothing is held. */
  #held: [Buffer, ((error?: Error | null) => void) | undefined][] | null;

  constructor(stream: LogDestination, isHeld: boolean) {
    this.#stream = stream;
    this.#held = isHeld ? [] : null;
  }

  write(bytes: Buffer, done?: (error?: Error | null) => void): void {
    if (this.#held === null) this.#stream.write(bytes, done);
    else this.#held.push([bytes, done]);
  }

  on(event: 'error', listener: () => void): void {
    this.#stream.on(event, listener);
  }

  /** Lets go of what is held, and holds nothing any more. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const [bytes, done] of held) this.#stream.write(bytes, done);
  }
}
