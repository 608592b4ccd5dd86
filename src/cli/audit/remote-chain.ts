import { type AuditEntry, entryFault, GENESIS } from '../../core/audit.ts';
import type { ManagementClient } from '../../management/client.ts';
import type { AuditEntryAnswer } from '../../management/schemas/audit.ts';
import { Expectations, timeOf, type Verified, type VerifyOptions } from './verified.ts';

/** Entries that are asked for at a time. */
const PAGE = 1_000;

/**
 * Reads the whole chain over the API, which has it newest first. That its end was cut, or its beginning without
 * retention, shows only by what was noted elsewhere.
 */
export async function verifyRemote(
  client: Pick<ManagementClient, 'auditLogs'>,
  { expected, onProgress }: VerifyOptions,
): Promise<Verified> {
  const expectations = new Expectations(expected);
  let entries = 0;
  let last: AuditEntry | null = null;
  let newer: AuditEntry | null = null;
  let fault: string | null = null;
  let cursor: string | undefined;
  do {
    const page = await client.auditLogs({ limit: PAGE, ...(cursor === undefined ? {} : { cursor }) });
    for (const entry of page.entries.map(sealed)) {
      // What is found later is earlier in the chain: the first fault is the one that stays.
      fault = followFault(newer, entry) ?? fault;
      fault = expectations.faultAt(entry) ?? ownFault(entry) ?? fault;
      last ??= entry;
      newer = entry;
      entries++;
    }
    onProgress(entries);
    cursor = page.pagination.next ?? undefined;
  } while (cursor !== undefined);
  const head = last === null ? GENESIS : { seq: last.seq, hash: last.hash };
  if (newer !== null) fault = expectations.faultAt({ seq: newer.seq - 1, hash: newer.previousHash }) ?? fault;
  return {
    entries,
    first: newer?.seq ?? null,
    firstAt: timeOf(newer),
    lastAt: timeOf(last),
    head,
    fault: fault ?? expectations.faultLeft(head),
  };
}

/** What is wrong with an entry, whatever it follows. */
function ownFault(entry: AuditEntry): string | null {
  const hash = entry.seq === 1 ? GENESIS.hash : entry.previousHash;
  return entryFault(entry, { seq: entry.seq - 1, hash });
}

/** What is wrong with an entry as the one that follows another. */
function followFault(newer: AuditEntry | null, entry: AuditEntry): string | null {
  if (newer === null) return null;
  if (newer.seq === entry.seq + 1 && newer.previousHash === entry.hash) return null;
  // Its own text was looked at before: what is left is what it follows.
  return entryFault(newer, { seq: entry.seq, hash: entry.hash });
}

/** The entry as it was hashed: its text is made from these members, in this order. */
function sealed(answer: AuditEntryAnswer): AuditEntry {
  const { seq, timestamp, actor, from, action, target, before, after, request_id, previous_hash, hash } = answer;
  const event = { at: Date.parse(timestamp), actor, from, action, target, before, after, requestId: request_id };
  return { seq, json: JSON.stringify(event), previousHash: previous_hash, hash };
}
