import { type AuditEntry, type AuditHead, type AuditLog, entryFault } from '../../core/audit.ts';
import { Expectations, timeOf, type Verified, type VerifyOptions } from './verified.ts';

/** Entries that are asked for at a time. */
const PAGE = 1_000;
/** How often it is looked again while others write or retention removes. */
const MAX_LOOKS = 20;

/** Walks the whole chain in the store, from what retention left to its end. */
export async function verifyStored(log: AuditLog, options: VerifyOptions): Promise<Verified> {
  for (let looks = 1; ; looks++) {
    const anchor = await log.anchor();
    const verified = await walk(log, anchor, options);
    // What retention removes in the meantime looks like a gap.
    const isMoved = verified.fault !== null && (await log.anchor()).seq !== anchor.seq;
    if (!isMoved || looks === MAX_LOOKS) return verified;
  }
}

async function walk(log: AuditLog, anchor: AuditHead, { expected, onProgress }: VerifyOptions): Promise<Verified> {
  const expectations = new Expectations(expected);
  let head = anchor;
  let entries = 0;
  let first: AuditEntry | null = null;
  let last: AuditEntry | null = null;
  const found = (fault: string | null): Verified => ({
    entries,
    first: first?.seq ?? null,
    firstAt: timeOf(first),
    lastAt: timeOf(last),
    head,
    fault: fault ?? expectations.faultLeft(head),
  });
  const anchorFault = expectations.faultAt(anchor);
  if (anchorFault !== null) return found(anchorFault);
  for (let looks = 1; ; ) {
    const page = await log.walk(head.seq, PAGE);
    for (const entry of page) {
      const fault = entryFault(entry, head) ?? expectations.faultAt(entry);
      if (fault !== null) return found(fault);
      head = { seq: entry.seq, hash: entry.hash };
      first ??= entry;
      last = entry;
      entries++;
    }
    onProgress(entries);
    if (page.length > 0) continue;
    const end = await log.head();
    if (end.seq === head.seq && end.hash === head.hash) return found(null);
    // Those that were added since the last page was read are there to be walked.
    const isBehind = end.seq > head.seq && (await log.walk(head.seq, 1)).length > 0;
    if (!isBehind || looks++ === MAX_LOOKS) return found(endFault(end, head));
  }
}

function endFault(end: AuditHead, last: AuditHead): string {
  if (end.seq <= last.seq) return `entry ${last.seq} is not the last one that was written (${end.seq})`;
  return `entry ${last.seq + 1} is missing; the last one that was written is ${end.seq}`;
}
