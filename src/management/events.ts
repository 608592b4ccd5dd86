import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { ServerEvent } from './endpoint.ts';
import { ManagementError } from './failures.ts';

/** Logs that are followed at the same time, by all clients together. */
export const MAX_FOLLOWERS = 64;

/** NUL and line breaks would end the field, or the event. */
const UNFIT_FOR_ID = /[\0\r\n]/;

/** Everybody who gets server-sent events, so that there are not too many of them and all can be told to go. */
export class Followers {
  readonly #ends = new Set<() => void>();

  /** @throws ManagementError too_many_followers */
  checkRoom(): void {
    if (this.#ends.size < MAX_FOLLOWERS) return;
    throw new ManagementError(
      'too_many_followers',
      `Expected at most ${MAX_FOLLOWERS} at a time; stop following another.`,
    );
  }

  /**
   * Sends events until they end, the client has gone or `endAll` is called. The next one is asked for when the client
   * has taken the last, as far as buffers go.
   *
   * @param gone aborted when the client has left
   * @throws whatever the events fail with
   */
  async send(events: AsyncIterable<ServerEvent>, response: ServerResponse, gone: AbortSignal): Promise<void> {
    const ended = new AbortController();
    const over = AbortSignal.any([gone, ended.signal]);
    const end = (): void => ended.abort();
    this.#ends.add(end);
    const iterator = events[Symbol.asyncIterator]();
    try {
      while (!over.aborted) {
        const next = await unlessAborted(iterator.next(), over);
        if (next === null || next.done === true) break;
        if (!response.write(textOf(next.value))) await drained(response, over);
      }
    } finally {
      this.#ends.delete(end);
      release(iterator);
    }
    response.end();
  }

  /** Ends every stream after the event that it is at. */
  endAll(): void {
    for (const end of this.#ends) end();
  }
}

/** Lets whoever makes events stop. One that waits for something ends when it has it; nobody waits for that here. */
export function release(iterator: AsyncIterator<ServerEvent>): void {
  iterator.return?.().then(undefined, () => undefined);
}

/**
 * What work ends with; null when the signal is aborted before. Not a race with one promise for the whole stream: each
 * turn would leave a reaction on it, and a stream has millions of turns.
 */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const leave = (): void => resolve(null);
    const forget = (): void => signal.removeEventListener('abort', leave);
    signal.addEventListener('abort', leave);
    work.then(resolve, reject).finally(forget);
  });
}

async function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  try {
    await once(response, 'drain', { signal });
  } catch {
    // The client left, or the stream was ended: the loop sees it.
  }
}

function textOf({ id, data }: ServerEvent): string {
  if (data === undefined) return ':\n\n';
  const field = id === undefined || UNFIT_FOR_ID.test(id) ? '' : `id: ${id}\n`;
  return `${field}data: ${JSON.stringify(data)}\n\n`;
}
