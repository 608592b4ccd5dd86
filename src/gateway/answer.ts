import { type IncomingMessage, ServerResponse } from 'node:http';
import type { AnswerWatcher } from './answer-writer.ts';

/** The answer to a request. It knows who watches it, so that its listeners need no closure of their own. */
export class Answer extends ServerResponse {
  #watcher: AnswerWatcher | null = null;

  watch(watcher: AnswerWatcher): void {
    this.#watcher = watcher;
    this.on('close', closed);
    // A write to a connection that has just gone must not end the process; its close tells what there is to tell.
    this.on('error', ignore);
  }

  onceDrained(): void {
    this.once('drain', drained);
  }

  static closed(answer: Answer): void {
    answer.#watcher?.closed();
  }

  static drained(answer: Answer): void {
    answer.#watcher?.drained();
  }
}

function closed(this: Answer): void {
  Answer.closed(this);
}

function drained(this: Answer): void {
  Answer.drained(this);
}

function ignore(): void {}

/**
 * Reads what is left of a request's body and throws it away. A connection that is closed on unread bytes is reset, and
 * the reset can overtake the answer.
 * @param onSurplus more than `bytes` came
 * @param onEnd     the body is complete
 */
export function discardBody(request: IncomingMessage, bytes: number, onSurplus: () => void, onEnd: () => void): void {
  let left = bytes;
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) onSurplus();
  });
  request.on('end', onEnd);
  request.resume();
}
