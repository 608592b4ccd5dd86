import { type AuditHead, GENESIS } from '../../core/audit.ts';
import { StoreError } from '../../core/ports.ts';

const HEAD = /^(\d{1,16}) ([0-9a-f]{64})$/;

/** How Redis keeps a head. */
export function headText({ seq, hash }: AuditHead): string {
  return `${seq} ${hash}`;
}

/**
 * @param text what is kept; null: nothing
 * @throws StoreError STORE_CORRUPT
 */
export function readHead(text: string | null): AuditHead {
  if (text === null) return GENESIS;
  const [, seq, hash] = HEAD.exec(text) ?? [];
  if (seq === undefined || hash === undefined) {
    throw new StoreError('STORE_CORRUPT', 'what Redis keeps as the head of the audit log is something else');
  }
  return { seq: Number(seq), hash };
}
