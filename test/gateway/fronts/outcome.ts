/** What an outcome comes to, without what no two gateways have in common. */
import { hash } from 'node:crypto';
import type { Exchange } from '../../../src/core/exchange.ts';
import type { Message, MessageHead } from './message.ts';
import type { Answered } from './scripted-client.ts';
import type { Outcome } from './side.ts';

export interface SeenRequest {
  readonly start: string;
  readonly fields: readonly string[];
  readonly body: string;
  readonly whole: boolean;
  readonly oddity: string | null;
}

export interface SeenAnswer extends SeenRequest {
  readonly informed: readonly string[];
}

export type SeenExchange = Omit<
  Exchange,
  'at' | 'durationMs' | 'upstreamMs' | 'failure' | 'requestBytes' | 'responseBytes'
> & {
  readonly requestBytes: number | string;
  readonly responseBytes: number | string;
  readonly reachedUpstream: boolean;
  readonly failed: boolean;
};

/** Of one side. Where two differ in any of it, the fronts differ. */
export interface Seen {
  requests: readonly SeenRequest[];
  leftovers: readonly string[];
  answers: readonly SeenAnswer[];
  rest: string;
  /** Whether the connection was still good for another request. */
  kept: boolean;
  exchanges: readonly SeenExchange[];
  stuck: string | null;
}

const GENERATED_ID = /^req_[\w-]{20}$/;
const DATE = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;
/** A longer body is told by its length and digest. */
const LONG = 1000;

/** With a name after its request for each id that the gateway made up: equal where both fronts use theirs alike. */
function renamed(text: string, exchanges: readonly Exchange[]): string {
  let made = text;
  for (const { requestId, method, path } of exchanges) {
    if (!GENERATED_ID.test(requestId)) continue;
    const name = JSON.stringify(`<id of ${method} ${path.slice(0, 60)}>`).slice(1, -1);
    made = made.replaceAll(requestId, () => name);
  }
  return made;
}

export function seenOf(outcome: Outcome): Seen {
  const { leftovers, rest, kept, stuck, exchanges, upstreamPort } = outcome;
  const made: Seen = {
    requests: outcome.seen.map(requestOf),
    leftovers,
    answers: outcome.answers.map(answerOf),
    rest,
    kept,
    exchanges: exchanges.map(exchangeOf),
    stuck,
  };
  const text = JSON.stringify(made).replaceAll(`127.0.0.1:${upstreamPort}`, 'upstream');
  return JSON.parse(renamed(text, exchanges)) as Seen;
}

function fieldsOf({ fields }: MessageHead): string[] {
  return fields.map(([name, value]) => `${name}: ${name === 'date' && DATE.test(value) ? 'a date' : value}`).sort();
}

function bodyText(body: string): string {
  return body.length <= LONG
    ? body
    : `${body.length} bytes, ${hash('sha256', Buffer.from(body, 'latin1')).slice(0, 16)}`;
}

function requestOf(message: Message): SeenRequest {
  const { start, whole, oddity } = message;
  return { start, fields: fieldsOf(message), body: bodyText(message.body), whole, oddity };
}

function answerOf(answer: Answered): SeenAnswer {
  const informed = answer.informed.map((head) => [head.start, ...fieldsOf(head)].join('\n'));
  return { ...requestOf(answer), informed };
}

function exchangeOf(exchange: Exchange): SeenExchange {
  const { at: _at, durationMs: _duration, upstreamMs, failure, ...rest } = exchange;
  return { ...rest, reachedUpstream: upstreamMs !== null, failed: failure !== null };
}
