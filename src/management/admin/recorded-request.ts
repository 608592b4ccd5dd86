import { setImmediate } from 'node:timers/promises';
import type { KeyRecord } from '../../core/key.ts';
import { type LoggedRequest, MAX_FOUND } from '../../core/request-log.ts';
import { mayRead } from '../caller.ts';
import { SELF_SERVICE_TYPE } from '../reach.ts';
import type { ExplainRequest } from '../schemas/explain.ts';
import type { AdminContext } from './context.ts';
import { keyNamed, keyOrNull, notFound } from './explained-key.ts';
import { Turns } from './turns.ts';

/** Keys that are read at a time: a key may have ten thousand addresses. */
const PAGE = 5;

const NO_REQUEST =
  'no such request is in the log of a key that you can see; requests without a known key are not kept there, nor older ones than the type of their key keeps';

/** Of this process: it is its event loop that a search takes. */
const SEARCHES = new Turns();

/** A request when it was made. */
export interface Recorded {
  readonly entry: LoggedRequest;
  readonly key: KeyRecord;
  /** For people: what makes it doubtful that this is the request that is meant. */
  readonly warnings: readonly string[];
}

/**
 * The latest request with an id: with the key that is named, or else with one that the caller may see. Others are as if they
 * were not there: clients choose ids, and one who sends that of another's request must not hide it.
 */
export async function recordedRequest(
  requestId: string,
  { key_id: keyId }: ExplainRequest,
  context: AdminContext,
): Promise<Recorded> {
  const { caller, store } = context;
  const named = keyId === undefined ? null : await keyNamed(keyId, context);
  const entries = await SEARCHES.take(caller.subject, async () =>
    store.requests.find(requestId, named === null ? await ownKeys(context) : [named.id]),
  );
  if (named !== null) {
    const [entry] = entries;
    if (entry === undefined) throw notFound('/request_id', `no such request is in the log of ${named.id}`);
    return { entry, key: named, warnings: [] };
  }
  for (const entry of entries) {
    const key = await keyOrNull(entry.keyId, context);
    if (key !== null) return { entry, key, warnings: ambiguity(entry, entries) };
  }
  const [gone] = entries;
  const isTold = gone !== undefined && mayRead(caller);
  throw notFound('/request_id', isTold ? `was made with ${gone.keyId}, which is not there any more` : NO_REQUEST);
}

/** The keys of one who sees no others; null: every key can be seen. */
async function ownKeys({ caller, config, store }: AdminContext): Promise<string[] | null> {
  if (mayRead(caller)) return null;
  const own: string[] = [];
  let after: string | undefined;
  do {
    const query = { owner: caller.subject, type: SELF_SERVICE_TYPE, limit: PAGE };
    const page = await store.keys.list({ ...query, ...(after === undefined ? {} : { after }) });
    own.push(...page.keys.map(({ id }) => id));
    after = page.next ?? undefined;
    await setImmediate();
  } while (after !== undefined && own.length < config.management.selfServiceMaxKeys);
  return own;
}

function ambiguity({ keyId }: LoggedRequest, entries: readonly LoggedRequest[]): string[] {
  const others = entries.filter((entry) => entry.keyId !== keyId).map((entry) => entry.keyId);
  if (others.length === 0) return [];
  const more = entries.length === MAX_FOUND ? ', and perhaps others' : '';
  return [
    `clients choose request ids, and requests with this one were made with other keys too: ${others.join(', ')}${more}; this is the latest; name the key to have another`,
  ];
}
