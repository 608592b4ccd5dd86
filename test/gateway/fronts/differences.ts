/**
 * In what the two fronts may differ: only where chance, or how far ahead a front reads, decides, and a client can tell
 * nothing from it. Everything else is a fault.
 */
import { LINGER_BYTES } from '../../../src/gateway/context.ts';
import type { FrontCase } from './case.ts';
import { forgetBehindClose, forgetFailed, forgetLostAnswers, indexOf, isSafe, isUnanswered } from './early-close.ts';
import type { Seen, SeenExchange } from './outcome.ts';

interface Allowance {
  readonly what: string;
  readonly why: string;
  readonly applies: (of: FrontCase) => boolean;
  /** Takes out of one side's outcome what may differ; called for each, with that of the other side. */
  readonly forgive: (seen: Seen, other: Seen) => void;
}

const always = (): boolean => true;
const pipelined = (of: FrontCase): boolean => of.pipelined;
const left = (of: FrontCase): boolean => of.pipelined && of.requests.some(({ leaves }) => leaves);
const odd = (of: FrontCase): boolean => of.requests.some(({ kind }) => kind !== 'plain');

export const ALLOWANCES: readonly Allowance[] = [
  {
    what: 'how much the upstream got of a request that it never got whole',
    why: 'The client left, or was refused in the middle: what of it was on its way then is chance.',
    applies: always,
    forgive: (seen) => {
      seen.requests = seen.requests.filter(({ whole }) => whole);
      seen.leftovers = seen.leftovers.filter((text) => text.includes('\r\n\r\n'));
    },
  },
  {
    what: 'how much the client got of an answer that was cut',
    why: 'The connection is severed, and takes with it what was not yet sent. That it was cut must show all the same.',
    applies: always,
    forgive: (seen) => {
      seen.answers = seen.answers.map((answer) => (answer.whole ? answer : { ...answer, body: 'a part' }));
      seen.exchanges = seen.exchanges.map((exchange) =>
        exchange.aborted === null ? exchange : { ...exchange, requestBytes: 'some', responseBytes: 'some' },
      );
    },
  },
  {
    what: 'how much of a body was counted that is none, or too large, and does not say so at its beginning',
    why: 'node:http reads a connection that was given to it a turn later, and may find the fault before the body has begun to flow.',
    applies: odd,
    forgive: (seen) => {
      seen.exchanges = seen.exchanges.map((exchange) =>
        exchange.code === 'request_rejected' || exchange.code === 'body_too_large'
          ? { ...exchange, requestBytes: 'some' }
          : exchange,
      );
    },
  },
  {
    what: 'how much of a body was counted whose answer came before it had',
    why: 'The client sends on while the answer is on its way. What of that is read before the answer is out is chance.',
    applies: (of) => of.requests.some(({ answer, heldBack }) => answer.early && heldBack > 0),
    forgive: (seen) => {
      seen.exchanges = seen.exchanges.map((exchange) =>
        exchange.allowed ? { ...exchange, requestBytes: 'some' } : exchange,
      );
    },
  },
  {
    what: 'whether a request that got not one byte of an answer was sent once more',
    why: 'Only on a connection that had answered before, and node:http keeps others for what is handed over to it. Where the upstream ends one, chance says who is first.',
    applies: (of) => of.requests.some(({ answer }) => answer.kind === 'broken' || answer.after !== 'keep'),
    forgive: (seen) => {
      const times = new Map<string, number>();
      // Once, and nothing that must not be done twice.
      seen.requests = seen.requests.filter((request) => {
        const text = JSON.stringify(request);
        times.set(text, (times.get(text) ?? 0) + 1);
        return times.get(text) !== 2 || /^(POST|PATCH) /.test(request.start);
      });
    },
  },
  {
    what: 'for which of two reasons a request sent without waiting was refused, if its client never saw the refusal',
    why: 'That its body is none may stand in bytes that were not read yet when the request was judged.',
    applies: (of) => of.pipelined && odd(of),
    forgive: (seen, other) => {
      const isRejectedThere = (each: SeenExchange): boolean =>
        !each.allowed && !each.reachedUpstream && other.exchanges.some((there) => isRejected(there, each.requestId));
      seen.exchanges = seen.exchanges.map((exchange) =>
        isRejectedThere(exchange)
          ? { ...exchange, status: 400, code: 'request_rejected', requestBytes: 'some', responseBytes: 'some' }
          : exchange,
      );
    },
  },
  {
    what: 'whether bytes behind an answered request that are none are refused with an answer, or without a word',
    why: 'node:http closes without a word when they come before the answer is out; the fast front looks at them later.',
    applies: odd,
    forgive: (seen) => {
      const rest = seen.exchanges.filter((exchange) => !isUnread(exchange));
      if (seen.kept || rest.length === 0 || rest.length + 1 !== seen.exchanges.length) return;
      // Only where each request has its answer: one is never put in the place of another.
      const isLost = seen.answers.length === rest.length;
      if (!isLost && seen.answers.length !== seen.exchanges.length) return;
      // In the place of an answer to HEAD, the client takes the refusal's body for something else.
      if (!isLost && seen.answers.at(-1)?.body === '') seen.rest = '';
      seen.exchanges = rest;
      seen.answers = seen.answers.slice(0, rest.length);
    },
  },
  {
    what: 'whether a client that sends much behind a refused request, without waiting, gets to see the refusal',
    why: 'The connection closes on what was not read of that, and the reset takes the refusal along, or comes too late.',
    applies: (of) => of.pipelined && of.requests.reduce((sum, { text }) => sum + text.length, 0) > LINGER_BYTES,
    forgive: (seen) => {
      const last = seen.answers.at(-1);
      if (!last?.fields.includes('content-type: application/problem+json')) return;
      if (!last.start.startsWith('HTTP/1.1 4') || !last.fields.includes('connection: close')) return;
      seen.answers = seen.answers.slice(0, -1);
    },
  },
  {
    what: 'what becomes of safe requests sent without waiting behind one whose answer is cut',
    why: 'No answer to them can follow. node:http begins them before that is known; the fast front may not have.',
    applies: pipelined,
    forgive: (seen) => {
      if (!seen.exchanges.some(({ aborted }) => aborted === 'upstream')) return;
      seen.exchanges = seen.exchanges.filter((exchange) => !isUnanswered(exchange));
      const answered = seen.answers.length;
      seen.requests = seen.requests.filter((request) => !isSafe(request) || indexOf(request) < answered);
    },
  },
  {
    what: 'how far a request sent without waiting came whose client left, and whether one that is safe was begun',
    why: 'node:http reads its head at once; the fast front looks at it when the answer before it is out, or never.',
    applies: left,
    forgive: (seen) => {
      seen.exchanges = seen.exchanges.filter(({ aborted }) => aborted !== 'client');
      const answered = seen.answers.length;
      seen.requests = seen.requests.filter((request) => !isSafe(request) || indexOf(request) <= answered);
    },
  },
  {
    what: 'whether and how a request fails, sent without waiting, behind an answer whose upstream connection ends',
    why: 'Chance says whether the end is seen before it is written, while it is, or behind it.',
    applies: (of) => of.pipelined && of.requests.some(({ answer }) => answer.after !== 'keep'),
    forgive: forgetFailed,
  },
  {
    what: 'how many answers a client gets, of safe requests sent without waiting, before that of one which is cut',
    why: 'The reset that says so takes along what it has not read yet.',
    applies: pipelined,
    forgive: forgetLostAnswers,
  },
  {
    what: 'whether a client gets its answer that says close, sends something else all the same, and leaves',
    why: 'node:http may read that before the answer is out, and ends the connection.',
    applies: (of) => left(of) && of.requests.slice(0, -1).some(({ text }) => /^connection:.*close/im.test(text)),
    forgive: (seen, other) => {
      if (other.answers.length > 0) return;
      seen.answers = [];
      seen.exchanges = [];
    },
  },
  {
    what: 'the order in which requests sent without waiting reach the upstream and are told of',
    why: 'Those that are safe may be worked on at the same time, or one after the other.',
    applies: pipelined,
    forgive: (seen) => {
      seen.requests = sorted(seen.requests);
      seen.exchanges = sorted(seen.exchanges);
    },
  },
  {
    what: 'informational answers to requests sent without waiting',
    why: 'Behind another answer they would be sent before that one has ended, so node:http leaves them out.',
    applies: pipelined,
    forgive: (seen) => {
      seen.answers = seen.answers.map((answer) => ({ ...answer, informed: [] }));
    },
  },
  {
    what: 'of requests sent without waiting, behind which refused one the connection closes',
    why: 'One whose body has not come when it is refused closes it, and how much has come by then is chance.',
    applies: pipelined,
    forgive: forgetBehindClose,
  },
];

function isRejected({ requestId, allowed, code }: SeenExchange, id: string): boolean {
  return requestId === id && !allowed && code === 'request_rejected';
}

/** Whether it was refused before a method could be read. */
function isUnread({ method, path, allowed }: SeenExchange): boolean {
  return method === '' && path === '' && !allowed;
}

function sorted<T>(items: readonly T[]): T[] {
  return items
    .map((item): [string, T] => [JSON.stringify(item), item])
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, item]) => item);
}

/** In what two outcomes of a case differ; [] where they may. */
export function differences(of: FrontCase, auto: Seen, node: Seen): string[] {
  const bothStuck =
    auto.stuck === null || node.stuck === null ? [] : [`nothing: both waited in vain for ${node.stuck}`];
  if (JSON.stringify(auto) === JSON.stringify(node)) return bothStuck;
  for (const { applies, forgive } of ALLOWANCES) {
    if (!applies(of)) continue;
    forgive(auto, node);
    forgive(node, auto);
  }
  const found: string[] = bothStuck;
  for (const name of ['requests', 'leftovers', 'answers', 'rest', 'kept', 'exchanges', 'stuck'] as const) {
    if (JSON.stringify(auto[name]) === JSON.stringify(node[name])) continue;
    found.push(`${name}\n  auto: ${JSON.stringify(auto[name])}\n  node: ${JSON.stringify(node[name])}`);
  }
  return found;
}
