/**
 * In what the two fronts may differ: only where chance, or how far ahead a front reads, decides, and a client can tell
 * nothing from it. Everything else is a fault.
 */
import type { FrontCase } from './case.ts';
import type { Seen } from './outcome.ts';

interface Allowance {
  readonly what: string;
  readonly why: string;
  readonly applies: (of: FrontCase) => boolean;
  /** Takes out of one side's outcome what may differ. */
  readonly forgive: (seen: Seen) => void;
}

const always = (): boolean => true;
const pipelined = (of: FrontCase): boolean => of.pipelined;

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
];

function sorted<T>(items: readonly T[]): T[] {
  return items
    .map((item): [string, T] => [JSON.stringify(item), item])
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, item]) => item);
}

/** In what two outcomes of a case differ; [] where they may. */
export function differences(of: FrontCase, auto: Seen, node: Seen): string[] {
  if (JSON.stringify(auto) === JSON.stringify(node)) {
    return node.stuck === null ? [] : [`nothing: both waited in vain for ${node.stuck}`];
  }
  for (const { applies, forgive } of ALLOWANCES) {
    if (!applies(of)) continue;
    forgive(auto);
    forgive(node);
  }
  const found: string[] = [];
  for (const name of ['requests', 'leftovers', 'answers', 'rest', 'kept', 'exchanges', 'stuck'] as const) {
    if (JSON.stringify(auto[name]) === JSON.stringify(node[name])) continue;
    found.push(`${name}\n  auto: ${JSON.stringify(auto[name])}\n  node: ${JSON.stringify(node[name])}`);
  }
  return found;
}
