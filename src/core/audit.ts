import { hash } from 'node:crypto';

/** What JSON can say. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** A management action: who did what, when, from where. Never a secret, nor a digest of one. */
export interface AuditEvent {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The subject of the caller's token; `local:NAME` for the command line on the store itself. */
  readonly actor: string;
  /** The address that the caller came from; for the command line the name of the machine. */
  readonly from: string;
  readonly action: AuditAction;
  /** Id of the key or name of the role that it was done to; null when it was done to several or none. */
  readonly target: string | null;
  /** What it was before and is after, as the API shows it; null: it was not there, or nothing changed. */
  readonly before: Json;
  readonly after: Json;
  readonly requestId: string | null;
}

export const AUDIT_ACTIONS = [
  'key.create',
  'key.update',
  'key.rotate',
  'key.enable',
  'key.disable',
  'key.revoke',
  'key.delete',
  'key.import',
  'key.migrate',
  'key.secret_read',
  'keys.export',
  'role.create',
  'role.update',
  'role.delete',
] as const;

export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** An event as it is kept: each entry's hash covers the one before, so that one that is changed or missing shows. */
export interface AuditEntry {
  /** 1 for the first; no gaps. */
  readonly seq: number;
  /** The event as JSON: the very text that was hashed. */
  readonly json: string;
  /** Hash of the entry before; of the first, GENESIS. */
  readonly previousHash: string;
  /** SHA-256 of the sequence number, the hash before and the text, in hexadecimal. */
  readonly hash: string;
}

/** Where a chain stands: the number and the hash of its last entry. */
export interface AuditHead {
  readonly seq: number;
  readonly hash: string;
}

/** What the first entry follows. */
export const GENESIS: AuditHead = { seq: 0, hash: '0'.repeat(64) };

/** The entry that follows `head` for an event. */
export function sealEvent(event: AuditEvent, head: AuditHead): AuditEntry {
  const json = JSON.stringify(event);
  const seq = head.seq + 1;
  return { seq, json, previousHash: head.hash, hash: hashOf(seq, head.hash, json) };
}

/** What is wrong with an entry that should follow `head`; null when nothing is. */
export function entryFault(entry: AuditEntry, head: AuditHead): string | null {
  if (entry.seq !== head.seq + 1) return `entry ${head.seq + 1} is missing`;
  if (entry.previousHash !== head.hash) return `entry ${entry.seq} does not follow entry ${head.seq} as it is now`;
  if (entry.hash !== hashOf(entry.seq, entry.previousHash, entry.json)) return `entry ${entry.seq} was changed`;
  return null;
}

function hashOf(seq: number, previousHash: string, json: string): string {
  return hash('sha256', `${seq}\n${previousHash}\n${json}`, 'hex');
}

export interface AuditQuery {
  /** 1 to 1000. */
  readonly limit: number;
  /** `next` of the page before; absent for the first. */
  readonly after?: string;
  /** From this time on, and before that one; milliseconds since the epoch. */
  readonly from?: number;
  readonly to?: number;
  readonly actor?: string;
  readonly action?: string;
  readonly target?: string;
}

export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  /** Opaque; null on the last page. */
  readonly next: string | null;
}

export interface AuditLog {
  /** Adds an event that comes with no other write. Durable when it resolves. */
  append(event: AuditEvent): Promise<AuditEntry>;
  /** By number, the newest first, whatever the clock did meanwhile. A page may hold fewer entries than asked for, none even, and still have a `next`. */
  read(query: AuditQuery): Promise<AuditPage>;
  /** Up to `limit` (1 to 1000) entries after the one with this number, oldest first. */
  walk(after: number, limit: number): Promise<AuditEntry[]>;
  /** The last entry; GENESIS when there is none. Kept apart from the entries: a cut end shows. */
  head(): Promise<AuditHead>;
  /** The last entry that retention removed: what the oldest that is left follows. GENESIS when none was. */
  anchor(): Promise<AuditHead>;
  /**
   * Removes the oldest entries, as long as they are from before this time, up to `limit` of them.
   * @returns how many
   */
  prune(before: number, limit: number): Promise<number>;
}
