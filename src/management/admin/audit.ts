import type { AuditEntry, AuditEvent } from '../../core/audit.ts';
import { given } from '../../core/given.ts';
import type { ManagementClient } from '../client.ts';
import { mustRead } from '../reach.ts';
import type { AuditEntryAnswer, AuditList, AuditQueryInput } from '../schemas/audit.ts';
import type { AdminContext } from './context.ts';
import { reversed } from './logs.ts';

const DEFAULT_LIMIT = 100;
/** Pages of the store that one answer may take when few entries meet the conditions. */
const MAX_STORE_PAGES = 10;

/** What was done, by whom. */
export function auditMethods(context: AdminContext): Pick<ManagementClient, 'auditLogs'> {
  return { auditLogs: (query) => auditLogs(query, context) };
}

async function auditLogs(query: AuditQueryInput, { caller, store }: AdminContext): Promise<AuditList> {
  mustRead(caller, 'the audit log');
  const { limit = DEFAULT_LIMIT, cursor, from, to, ...filters } = query;
  const times = {
    ...(from === undefined ? {} : { from: Date.parse(from) }),
    // Up to and including, as people mean it; the store's bound is outside.
    ...(to === undefined ? {} : { to: Date.parse(to) + 1 }),
  };
  if (times.from !== undefined && times.to !== undefined && times.from >= times.to) throw reversed();
  const entries: AuditEntryAnswer[] = [];
  let after = cursor;
  for (let pages = 0; pages < MAX_STORE_PAGES; pages++) {
    const size = limit - entries.length;
    const page = await store.audit.read({
      ...given(filters),
      ...times,
      limit: size,
      ...(after === undefined ? {} : { after }),
    });
    entries.push(...page.entries.map(shown));
    after = page.next ?? undefined;
    if (after === undefined || entries.length >= limit) break;
  }
  return { entries, pagination: { limit, next: after ?? null } };
}

/** One that was tampered with is shown as far as it goes: that it does not fit its hash is for `audit verify` to say. */
function shown({ seq, json, previousHash, hash }: AuditEntry): AuditEntryAnswer {
  const event = eventIn(json);
  return {
    seq,
    timestamp: new Date(timeOf(event.at)).toISOString(),
    actor: textOf(event.actor) ?? '',
    from: textOf(event.from) ?? '',
    action: textOf(event.action) ?? '',
    target: textOf(event.target),
    before: event.before ?? null,
    after: event.after ?? null,
    request_id: textOf(event.requestId),
    previous_hash: previousHash,
    hash,
  };
}

function eventIn(json: string): { readonly [name in keyof AuditEvent]?: unknown } {
  try {
    const event: unknown = JSON.parse(json);
    return typeof event === 'object' && event !== null ? event : {};
  } catch {
    return {};
  }
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** ECMA-262: 100,000,000 days around the epoch. */
const MAX_DATE_MS = 8.64e15;

function timeOf(value: unknown): number {
  return typeof value === 'number' && Math.abs(value) <= MAX_DATE_MS ? value : 0;
}
