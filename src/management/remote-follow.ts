import { setTimeout as pause } from 'node:timers/promises';
import type { FollowedEntry } from './client.ts';
import { ManagementError } from './failures.ts';
import { checkAnswer } from './remote-answer.ts';
import { RemoteError } from './remote-error.ts';
import { EventTooLong, readEvents } from './remote-events.ts';
import type { RemoteTransport } from './remote-transport.ts';
import { logEntry } from './schemas/usage.ts';

/** How long a stream may be silent: the server says more often than this that it is still there. */
const IDLE_TIMEOUT_MS = 60_000;
/** How long to wait before each further attempt after a stream was cut; then it is given up. */
export const RETRY_DELAYS_MS: readonly number[] = [250, 1_000, 2_000, 5_000, 10_000, 20_000];

/** Is told what becomes of a connection while a log is followed. */
export interface ConnectionWatcher {
  /** It was lost, and is tried again; once, however many attempts fail. */
  readonly onCut?: (error: Error) => void;
  /** It is there again. */
  readonly onBack?: () => void;
}

export interface FollowOptions {
  readonly transport: RemoteTransport;
  /** The stream's path with its query, beginning at a time (ISO 8601); null: as it was asked for. */
  readonly pathFrom: (time: string | null) => string;
  readonly signal: AbortSignal;
  /** Position to go on after; absent: what comes from now on. */
  readonly after: string | undefined;
  readonly retryDelaysMs: readonly number[];
  readonly watcher: ConnectionWatcher;
}

/** Where a stream is to be taken up. */
interface Place {
  /** Position of the last entry that had one. */
  readonly position: string | null;
  /** Time of the first entry, while none had a position: those are sent once more. */
  readonly from: string | null;
}

/**
 * Entries as they come. A stream that is cut is taken up after the last entry that arrived; what fails at the first
 * attempt, or is refused, is not tried again.
 */
export async function* followRemote(options: FollowOptions): AsyncGenerator<FollowedEntry | null> {
  const { signal, retryDelaysMs, watcher } = options;
  let place: Place = { position: options.after ?? null, from: null };
  let hasBegun = false;
  let isAway = false;
  let failures = 0;
  while (!signal.aborted) {
    let cut: unknown;
    let hasEnded = false;
    let items = 0;
    try {
      for await (const followed of stream(options, place)) {
        hasBegun = true;
        if (isAway) watcher.onBack?.();
        isAway = false;
        // The first says only that the stream is there.
        if (++items > 1 || followed !== null) failures = 0;
        if (followed !== null) place = after(place, followed);
        yield followed;
      }
      hasEnded = true;
      cut = options.transport.unreachable(new Error('it ended the stream'));
    } catch (error) {
      cut = error;
    }
    if (signal.aborted) return;
    const delay = retryDelaysMs[failures++];
    if (!hasBegun || !mayPass(cut) || delay === undefined) throw cut;
    // A server that ends its streams in good order is asked again, and nothing was lost as long as it answers.
    if (!hasEnded && !isAway) {
      watcher.onCut?.(cut);
      isAway = true;
    }
    await pause(delay, undefined, { signal }).catch(() => undefined);
  }
}

function after(place: Place, { position, entry }: FollowedEntry): Place {
  if (position !== null) return { position, from: null };
  return place.position === null ? { position: null, from: place.from ?? entry.timestamp } : place;
}

/** One connection, until it ends. */
async function* stream(
  { transport, pathFrom, signal }: FollowOptions,
  { position, from }: Place,
): AsyncGenerator<FollowedEntry | null> {
  const answer = await transport.request({
    method: 'GET',
    path: pathFrom(from),
    signal,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
    headers: { accept: 'text/event-stream', ...(position === null ? {} : { 'last-event-id': position }) },
  });
  await checkAnswer(answer, 'text/event-stream', transport.place);
  try {
    for await (const event of readEvents(answer.body)) yield event === null ? null : followed(event, transport.place);
  } catch (error) {
    if (error instanceof RemoteError) throw error;
    if (error instanceof EventTooLong) throw notAnEntry(transport.place);
    throw transport.unreachable(error);
  }
}

function followed({ id, data }: { readonly id: string; readonly data: string }, place: string): FollowedEntry {
  try {
    const entry = JSON.parse(data) as unknown;
    if (logEntry.safeParse(entry).success) return { position: id || null, entry: entry as FollowedEntry['entry'] };
  } catch {
    // No JSON: told below.
  }
  throw notAnEntry(place);
}

function notAnEntry(place: string): RemoteError {
  return new RemoteError('SERVER_NOT_LATCHKEY', `${place} sends something else than entries of a log`);
}

/** Whether a failure may be over in a while. */
function mayPass(error: unknown): error is RemoteError | ManagementError {
  if (error instanceof RemoteError) return error.code === 'SERVER_UNREACHABLE' || error.code === 'SERVER_FAILED';
  if (!(error instanceof ManagementError)) return false;
  return ['store_unavailable', 'too_many_followers', 'internal'].includes(error.code);
}
