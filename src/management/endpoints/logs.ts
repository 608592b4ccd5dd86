import type { FollowedEntry } from '../client.ts';
import { type Endpoint, endpoint, type ServerEvent } from '../endpoint.ts';
import { ManagementError } from '../failures.ts';
import { type LogQueryInput, logList, logQuery } from '../schemas/usage.ts';
import { type ClientFor, keyParams } from './shared.ts';

/** `/api-keys/{id}/logs`: the requests of a key, as they were or as they come. */
export function logEndpoints(clientFor: ClientFor): Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/api-keys/{id}/logs',
      operationId: 'getKeyLogs',
      tag: 'Logs',
      summary: 'Requests of a key',
      description:
        'Newest first, for as long as the type of the key keeps them. A page may hold fewer entries than asked for and still have a `next`.\n\nWith `follow=true` the connection stays open and entries are sent as they come, as server-sent events. After a connection broke, send `Last-Event-ID` to go on after the last one that arrived. There is no end and there are no pages: `to`, `limit` and `cursor` are refused.',
      params: keyParams,
      query: logQuery,
      answers: { 200: logList },
      streams: true,
      handle: async ({ caller, params, query, signal, lastEventId }) => {
        const client = clientFor(caller);
        if (query.follow === true) mustBeEndless(query);
        if (query.follow !== true) return { status: 200, body: await client.keyLogs(params.id, query) };
        return {
          status: 200,
          events: await begun(client.followLogs(params.id, query, signal, lastEventId ?? undefined)),
        };
      },
    }),
  ];
}

/** @throws ManagementError request_invalid for what would silently be passed over */
function mustBeEndless(query: LogQueryInput): void {
  const given = (['to', 'limit', 'cursor'] as const).filter((parameter) => query[parameter] !== undefined);
  if (given.length === 0) return;
  const detail = 'cannot be given with follow=true, which has no end and no pages';
  const errors = given.map((parameter) => ({ parameter, detail }));
  throw new ManagementError('request_invalid', `${given.join(', ')} ${detail}.`, errors);
}

/** Waits for the first one: what is wrong is then still answered as a problem, not in a stream that has begun. */
async function begun(entries: AsyncIterable<FollowedEntry | null>): Promise<AsyncIterable<ServerEvent>> {
  const source = entries[Symbol.asyncIterator]();
  let first: IteratorResult<FollowedEntry | null> | null = await source.next();
  // By hand: a generator that was never asked would not pass `return` on, and what is followed would stay held.
  const events: AsyncIterator<ServerEvent> = {
    next: async () => {
      const next = first ?? (await source.next());
      first = null;
      return next.done === true ? { done: true, value: undefined } : { done: false, value: eventOf(next.value) };
    },
    return: async () => {
      await source.return?.();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => events };
}

function eventOf(followed: FollowedEntry | null): ServerEvent {
  if (followed === null) return {};
  const { position, entry } = followed;
  return position === null ? { data: entry } : { id: position, data: entry };
}
