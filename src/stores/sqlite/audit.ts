import type { SQLOutputValue, StatementSync } from 'node:sqlite';
import type { AuditEntry, AuditEvent, AuditHead, AuditLog, AuditPage, AuditQuery } from '../../core/audit.ts';
import { StoreError } from '../../core/ports.ts';
import { MAX_AUDIT_PAGE_LENGTH as MAX_PAGE_LENGTH } from '../audit-page.ts';
import { type AuditTable, endOf } from './audit-table.ts';
import { storeError } from './errors.ts';
import { type Connection, transaction } from './transaction.ts';

/** The most entries that one page looks at. */
const MAX_EXAMINED = 2_000;
const MAX_PAGE = 1_000;
const SELECT = 'SELECT seq, at, actor, action, target, json, previous_hash, hash FROM audit';
const TOKEN = /^[1-9]\d{0,15}$/;

type Row = Readonly<Record<string, SQLOutputValue>>;

/** Reads the newest rows before the one with a number, newest first, as they are asked for. */
type Source = (before: number, count: number) => Iterable<Row>;

/**
 * The audit log in SQLite. One filter is one look-up in one index; further filters and times look at what it finds. It is
 * read by the numbers of its entries, never by their times: a clock may step back.
 */
export class SqliteAuditLog implements AuditLog {
  readonly #reader: Connection;
  readonly #writer: Connection;
  readonly #table: AuditTable;
  readonly #byFilter: Readonly<Record<'target' | 'actor' | 'action', StatementSync>>;
  readonly #all: StatementSync;
  readonly #forward: StatementSync;
  readonly #end: StatementSync;

  constructor(reader: Connection, writer: Connection, table: AuditTable) {
    const { db } = reader;
    this.#reader = reader;
    this.#writer = writer;
    this.#table = table;
    const by = (filter: string): StatementSync =>
      db.prepare(`${SELECT} WHERE ${filter} seq < ? ORDER BY seq DESC LIMIT ?`);
    this.#byFilter = { target: by('target = ? AND'), actor: by('actor = ? AND'), action: by('action = ? AND') };
    this.#all = by('');
    this.#forward = db.prepare(`${SELECT} WHERE seq > ? ORDER BY seq LIMIT ?`);
    this.#end = db.prepare('SELECT seq, hash FROM audit_ends WHERE name = ?');
  }

  append(event: AuditEvent): Promise<AuditEntry> {
    return transaction(this.#writer, () => this.#table.append(event));
  }

  async read(query: AuditQuery): Promise<AuditPage> {
    checkLimit(query.limit);
    const first = query.after === undefined ? Number.MAX_SAFE_INTEGER : readToken(query.after);
    return this.#guard(() => collect(query, first, this.#sourceOf(query)));
  }

  async walk(after: number, limit: number): Promise<AuditEntry[]> {
    checkLimit(limit);
    return this.#guard(() => this.#forward.all(after, limit).map(entryOf));
  }

  async head(): Promise<AuditHead> {
    return this.#guard(() => endOf(this.#end.get('head')));
  }

  async anchor(): Promise<AuditHead> {
    return this.#guard(() => endOf(this.#end.get('anchor')));
  }

  prune(before: number, limit: number): Promise<number> {
    return transaction(this.#writer, () => this.#table.prune(before, limit));
  }

  #sourceOf(query: AuditQuery): Source {
    for (const name of ['target', 'actor', 'action'] as const) {
      const value = query[name];
      if (value !== undefined) return (before, count) => this.#byFilter[name].iterate(value, before, count);
    }
    return (before, count) => this.#all.iterate(before, count);
  }

  #guard<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw storeError(error, this.#reader.file);
    }
  }
}

function collect(query: AuditQuery, first: number, source: Source): AuditPage {
  const entries: AuditEntry[] = [];
  let last = first;
  let examined = 0;
  let length = 0;
  for (const row of source(first, MAX_EXAMINED)) {
    if (matches(query, row)) {
      const entry = entryOf(row);
      const isFull = entries.length === query.limit || (length > 0 && length + entry.json.length > MAX_PAGE_LENGTH);
      if (isFull) return { entries, next: String(last) };
      entries.push(entry);
      length += entry.json.length;
    }
    last = Number(row['seq']);
    examined++;
  }
  return { entries, next: examined < MAX_EXAMINED ? null : String(last) };
}

function matches({ from, to, actor, action, target }: AuditQuery, row: Row): boolean {
  const at = Number(row['at']);
  return (
    (from === undefined || at >= from) &&
    (to === undefined || at < to) &&
    (actor === undefined || actor === row['actor']) &&
    (action === undefined || action === row['action']) &&
    (target === undefined || target === row['target'])
  );
}

function entryOf(row: Row): AuditEntry {
  return {
    seq: Number(row['seq']),
    json: String(row['json']),
    previousHash: String(row['previous_hash']),
    hash: String(row['hash']),
  };
}

function checkLimit(limit: number): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE) {
    throw new StoreError('STORE_BAD_QUERY', `A page holds 1 to ${MAX_PAGE} entries`);
  }
}

function readToken(token: string): number {
  if (TOKEN.test(token)) return Number(token);
  throw new StoreError('STORE_BAD_QUERY', 'The page token is not one that a page of the audit log gave');
}
