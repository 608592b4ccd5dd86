import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import type { LoggedRequest, LogQuery } from '../../core/request-log.ts';
import type { FollowedEntry, ManagementClient } from '../client.ts';
import { ManagementError } from '../failures.ts';
import type { LogEntry, LogList, LogQueryInput } from '../schemas/usage.ts';
import type { AdminContext } from './context.ts';

const DEFAULT_LIMIT = 100;
/** Pages of the store that one answer may take when few entries meet the conditions. */
const MAX_STORE_PAGES = 10;
/** How often the store is asked for new entries while somebody follows. */
const FOLLOW_EVERY_MS = 500;
const FOLLOW_PAGE = 200;
/** Without an entry for so many rounds, a sign of life is given. */
const SILENT_ROUNDS = 30;
/**
 * Requests stand in the order in which they ended, and gateways write them down each second. What ended longer ago than
 * this is there; what is shown earlier could be followed by something that belongs before it, and would then be missed.
 */
const SETTLED_AFTER_MS = 2_000;
/** Rounds after which it is looked whether the key is still there for the caller. */
const CHECK_ROUNDS = 20;
/** A follower is let go after an hour, or when its token ends, and comes back with one that is valid then. */
const MAX_FOLLOW_MS = 3_600_000;

type LogMethods = Pick<ManagementClient, 'keyLogs' | 'followLogs'>;

/** The requests that were made with a key. */
export function logMethods(context: AdminContext): LogMethods {
  return {
    keyLogs: (id, query) => keyLogs(id, query, context),
    followLogs: (id, query, signal, after) => follow(id, query, signal, after, context),
  };
}

async function keyLogs(id: string, query: LogQueryInput, { keys, store }: AdminContext): Promise<LogList> {
  await keys.get(id);
  const { limit = DEFAULT_LIMIT, cursor } = query;
  const conditions = conditionsOf(id, query);
  const logs: LogEntry[] = [];
  let after: string | null = cursor ?? null;
  let more = true;
  for (let pages = 0; more && logs.length < limit && pages < MAX_STORE_PAGES; pages++) {
    const page = await store.requests.read({
      ...conditions,
      limit: limit - logs.length,
      order: 'newest',
      ...(after === null ? {} : { after }),
    });
    logs.push(...page.entries.map(shown));
    after = page.last ?? after;
    more = page.more;
  }
  return { logs, pagination: { limit, next: more ? after : null } };
}

/** What was there before is left out, unless a position or a time says where to begin. Its first item says that it has begun. */
async function* follow(
  id: string,
  query: LogQueryInput,
  signal: AbortSignal,
  after: string | undefined,
  { caller, clock, keys, store }: AdminContext,
): AsyncGenerator<FollowedEntry | null> {
  await keys.get(id);
  const began = clock.now();
  const conditions = { ...conditionsOf(id, query), limit: FOLLOW_PAGE, order: 'oldest' as const };
  const from = query.from === undefined ? began : Date.parse(query.from);
  let position = after ?? null;
  yield null;
  let rounds = 0;
  const end = Math.min(began + MAX_FOLLOW_MS, caller.expiresAt ?? Number.POSITIVE_INFINITY);
  for (let silent = 1; !signal.aborted && clock.now() < end; silent++) {
    const to = Math.min(conditions.to ?? Number.POSITIVE_INFINITY, clock.now() - SETTLED_AFTER_MS);
    const page = await store.requests.read({
      ...conditions,
      to,
      ...(position === null ? { from } : { after: position }),
    });
    for (const entry of page.entries) yield { position: entry.position, entry: shown(entry) };
    position = page.last ?? position;
    if (page.entries.length > 0) silent = 0;
    else if (silent % SILENT_ROUNDS === 0) yield null;
    // Where few entries meet the conditions there is much to read, and others wait for their turn.
    await (page.more ? setImmediate() : pause(signal));
    if (++rounds % CHECK_ROUNDS === 0) await keys.get(id);
  }
}

async function pause(signal: AbortSignal): Promise<void> {
  try {
    await delay(FOLLOW_EVERY_MS, undefined, { signal });
  } catch {
    // The one thing that it rejects for: the follower is gone, which the loop sees.
  }
}

function conditionsOf(keyId: string, query: LogQueryInput): Omit<LogQuery, 'limit' | 'order'> {
  const from = query.from === undefined ? undefined : Date.parse(query.from);
  const to = query.to === undefined ? undefined : Date.parse(query.to);
  if (from !== undefined && to !== undefined && from > to) throw reversed();
  const where = whereOf(query);
  return {
    keyId,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(where === null ? {} : { where }),
  };
}

/** @returns what is thrown for a time that ends before it begins */
export function reversed(): ManagementError {
  const detail = 'is later than "to"; expected the earlier one of the two';
  return new ManagementError('request_invalid', `from ${detail}`, [{ parameter: 'from', detail }]);
}

function whereOf(query: LogQueryInput): ((entry: LoggedRequest) => boolean) | null {
  const { status, method, path, would_deny: wouldDeny } = query;
  if (status === undefined && method === undefined && path === undefined && wouldDeny === undefined) return null;
  const [least, most] = statusRange(status);
  return (entry) =>
    entry.status >= least &&
    entry.status <= most &&
    (method === undefined || entry.method === method.toUpperCase()) &&
    (path === undefined || entry.path.startsWith(path)) &&
    (wouldDeny === undefined || entry.wouldDeny.length > 0 === wouldDeny);
}

/** `404` is one status, `4xx` all that begin with a 4. */
function statusRange(status: string | undefined): [number, number] {
  if (status === undefined) return [0, Number.POSITIVE_INFINITY];
  return [Number(status.replaceAll('x', '0')), Number(status.replaceAll('x', '9'))];
}

function shown(entry: LoggedRequest): LogEntry {
  return {
    timestamp: new Date(entry.at).toISOString(),
    ip_address: entry.address,
    user_agent: entry.userAgent,
    method: entry.method,
    endpoint: entry.path,
    route: entry.route,
    status_code: entry.status,
    code: entry.code,
    would_deny: [...entry.wouldDeny],
    response_time_ms: entry.durationUs / 1000,
    request_id: entry.requestId,
  };
}
