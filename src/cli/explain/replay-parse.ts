import type { LoggedRequest } from '../../core/request-log.ts';
import type { RecordedRequest, SkipReason } from '../../explain/replay-request.ts';
import { isCut } from '../../observe/log-text.ts';
import { REQUEST_MESSAGE } from '../../observe/logger.ts';
import { isRedacted } from '../../observe/redact.ts';
import { MAX_PATH } from '../../observe/request-log.ts';

/** Beyond the year 9999, times are not written in the way in which logs have them, and soon after there are none. */
const MAX_TIME = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** What a line tells of: a request, or why it is none that can be replayed. */
export type Found = RecordedRequest | SkipReason;

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads one line: a line of the gateway's log, an entry of a key's log as `keys logs --json` and the API give it, or a
 * whole list of such entries, newest first as they are given, which comes out the oldest first.
 *
 * @param keyId whose entries are that name no key; null: nobody says
 */
export function readLine(text: string, keyId: string | null): readonly Found[] {
  const value = parse(text);
  if (value === null) return UNREADABLE;
  if (value['msg'] === REQUEST_MESSAGE) return [fromLog(value)];
  if (Array.isArray(value['logs'])) return value['logs'].toReversed().map((entry) => fromEntry(entry, keyId));
  return isEntry(value) ? [fromEntry(value, keyId)] : NO_REQUEST;
}

/** A request as the store keeps it. */
export function fromStore(entry: LoggedRequest): Found {
  const { keyId, requestId, at: endedAt, durationUs, address, userAgent, method, path, code } = entry;
  const at = startOf(endedAt, durationUs / 1000);
  return checked({ keyId, requestId, at, endedAt, address, userAgent, method, path, code });
}

const UNREADABLE: readonly SkipReason[] = ['unreadable_line'];
const NO_REQUEST: readonly SkipReason[] = ['no_request'];

/** null: it is no JSON object. */
function parse(text: string): Json | null {
  if (!text.startsWith('{') && !text.trimStart().startsWith('{')) return null;
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** A line of src/observe/request-log.ts, which leaves out what is null. */
function fromLog(line: Json): Found {
  const { request_id: requestId, method, path, ip_address: address, key_id: keyId } = line;
  const endedAt = timeOf(line['time']);
  if (!isText(requestId) || !isText(method) || !isText(address) || typeof path !== 'string') return 'unreadable_line';
  if (endedAt === null) return 'unreadable_line';
  return checked({
    keyId: isText(keyId) ? keyId : null,
    requestId,
    at: startOf(endedAt, line['duration_ms']),
    endedAt,
    address,
    userAgent: textOrNull(line['user_agent']),
    method,
    path,
    code: textOrNull(line['code']),
  });
}

function isEntry(value: Json): boolean {
  return 'endpoint' in value && 'timestamp' in value && 'status_code' in value;
}

/** An entry as src/management/schemas/usage.ts describes it. */
function fromEntry(entry: unknown, keyId: string | null): Found {
  if (typeof entry !== 'object' || entry === null) return 'unreadable_line';
  const { request_id: requestId, method, endpoint, ip_address: address, timestamp, ...rest } = entry as Json;
  const endedAt = timeOf(timestamp);
  if (!isText(requestId) || !isText(method) || !isText(address) || typeof endpoint !== 'string') {
    return 'unreadable_line';
  }
  if (endedAt === null) return 'unreadable_line';
  if (keyId === null) return 'key_not_given';
  return checked({
    keyId,
    requestId,
    at: startOf(endedAt, rest['response_time_ms']),
    endedAt,
    address,
    userAgent: textOrNull(rest['user_agent']),
    method,
    path: endpoint,
    code: textOrNull(rest['code']),
  });
}

/** Without its whole path nobody can say which route a request had. */
function checked(request: RecordedRequest): Found {
  const { endedAt, path } = request;
  if (endedAt < 0 || endedAt > MAX_TIME) return 'unreadable_line';
  if (!path.startsWith('/')) return 'no_path';
  return isCut(path, MAX_PATH) || isRedacted(path) ? 'path_cut' : request;
}

/** A request is decided when it comes; logs have when it ended. */
function startOf(endedAt: number, duration: unknown): number {
  const ms = typeof duration === 'number' && duration > 0 ? Math.min(duration, endedAt) : 0;
  return Math.round(endedAt - ms);
}

/** Milliseconds since the epoch; null: it is no time. */
function timeOf(value: unknown): number | null {
  if (typeof value !== 'string') return null;
  const time = Date.parse(value);
  return Number.isNaN(time) ? null : time;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
