import type { AuditEntry, AuditEvent, AuditHead, AuditLog, AuditPage, AuditQuery } from '../../core/audit.ts';
import { StoreError } from '../../core/ports.ts';
import { MAX_AUDIT_PAGE_LENGTH as MAX_PAGE_LENGTH } from '../audit-page.ts';
import { headText, readHead } from './audit-head.ts';
import { APPEND } from './change-scripts.ts';
import type { RedisConnection } from './connection.ts';
import { AUDIT, AUDIT_ANCHOR, AUDIT_HEAD } from './layout.ts';
import { script } from './scripts.ts';
import type { Writer } from './writer.ts';

const MAX_PAGE = 1_000;
/** The most entries that one page looks at, so that no filter makes a call read the whole log. */
const MAX_EXAMINED = 2_000;
/** Entries to fetch at a time: large ones must come within the timeout, and fit into the memory. */
const CHUNK = 100;
const TOKEN = /^[1-9]\d{0,15}$/;

/**
 * KEYS: audit log, anchor. ARGV: id of the last entry to remove, the one that follows, the anchor that it makes. Answers
 * how many were removed: none when another was quicker. The removal comes first, for when the memory is full.
 */
const PRUNE = script(`
if #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) == 0 then return 0 end
local removed = redis.call('XTRIM', KEYS[1], 'MINID', '=', ARGV[2])
redis.call('SET', KEYS[2], ARGV[3])
return removed`);

type StreamEntry = [id: string, fields: string[]];

/** The audit log in Redis: a stream whose ids are the numbers of the entries, so that it refuses one that goes back. */
export class RedisAuditLog implements AuditLog {
  readonly #connection: RedisConnection;
  readonly #writer: Writer;

  constructor(connection: RedisConnection, writer: Writer) {
    this.#connection = connection;
    this.#writer = writer;
  }

  async append(event: AuditEvent): Promise<AuditEntry> {
    const { entry } = await this.#writer.write({ script: APPEND, keys: [], args: [] }, { event });
    if (entry === null) throw new StoreError('STORE_CORRUPT', 'Redis answered an audit entry with something else');
    return entry;
  }

  async read(query: AuditQuery): Promise<AuditPage> {
    checkLimit(query.limit);
    let end = query.after === undefined ? '+' : before(query.after);
    const count = isFiltered(query) ? CHUNK : Math.min(CHUNK, query.limit + 1);
    const entries: AuditEntry[] = [];
    let length = 0;
    let last = query.after ?? '';
    for (let examined = 0; examined < MAX_EXAMINED; examined += count) {
      const chunk = await this.#connection.ask((client) => client.xrevrange(AUDIT, end, '-', 'COUNT', count));
      for (const entry of chunk.map(entryOf)) {
        if (passes(query, entry)) {
          const isFull = entries.length === query.limit || (length > 0 && length + entry.json.length > MAX_PAGE_LENGTH);
          if (isFull) return { entries, next: last };
          entries.push(entry);
          length += entry.json.length;
        }
        last = String(entry.seq);
      }
      if (chunk.length < count) return { entries, next: null };
      end = before(last);
    }
    return { entries, next: last };
  }

  async walk(after: number, limit: number): Promise<AuditEntry[]> {
    checkLimit(limit);
    const chunk = await this.#connection.ask((client) => client.xrange(AUDIT, `(${after}-0`, '+', 'COUNT', limit));
    return chunk.map(entryOf);
  }

  async head(): Promise<AuditHead> {
    return readHead(await this.#connection.ask((client) => client.get(AUDIT_HEAD)));
  }

  async anchor(): Promise<AuditHead> {
    return readHead(await this.#connection.ask((client) => client.get(AUDIT_ANCHOR)));
  }

  async prune(before: number, limit: number): Promise<number> {
    checkLimit(limit);
    const oldest = await this.#connection.ask((client) =>
      client.xrange(AUDIT, '-', '+', 'COUNT', Math.min(limit, CHUNK)),
    );
    const entries = oldest.map(entryOf);
    // One whose time cannot be read stays, and what follows it: what was tampered with is not tidied away.
    const kept = entries.findIndex((entry) => !(timeOf(entry) < before));
    const last = kept < 0 ? entries.at(-1) : entries[kept - 1];
    if (last === undefined) return 0;
    const args = [`${last.seq}-0`, `${last.seq + 1}-0`, headText(last)];
    return Number(await this.#connection.run(PRUNE, [AUDIT, AUDIT_ANCHOR], args));
  }
}

function checkLimit(limit: number): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_PAGE) return;
  throw new StoreError('STORE_BAD_QUERY', `A page holds 1 to ${MAX_PAGE} entries`);
}

/** @throws StoreError STORE_BAD_QUERY when it is the number of no entry */
function before(token: string): string {
  if (TOKEN.test(token)) return `(${token}-0`;
  throw new StoreError('STORE_BAD_QUERY', 'The page token is not one that a page of the audit log gave');
}

/** What is missing from a damaged entry is left empty: its hash then shows it. */
function entryOf([id, fields]: StreamEntry): AuditEntry {
  const field = (name: string): string => {
    const at = fields.indexOf(name);
    return at % 2 === 0 ? (fields[at + 1] ?? '') : '';
  };
  return { seq: Number.parseInt(id, 10), json: field('json'), previousHash: field('previous'), hash: field('hash') };
}

function isFiltered({ from, to, actor, action, target }: AuditQuery): boolean {
  return [from, to, actor, action, target].some((filter) => filter !== undefined);
}

function passes(query: AuditQuery, entry: AuditEntry): boolean {
  if (!isFiltered(query)) return true;
  const event = eventIn(entry);
  return (
    (query.from === undefined || timeOf(entry) >= query.from) &&
    (query.to === undefined || timeOf(entry) < query.to) &&
    (query.actor === undefined || event['actor'] === query.actor) &&
    (query.action === undefined || event['action'] === query.action) &&
    (query.target === undefined || event['target'] === query.target)
  );
}

/** NaN, which is before and after nothing, when the entry does not say. */
function timeOf(entry: AuditEntry): number {
  const { at } = eventIn(entry);
  return typeof at === 'number' ? at : Number.NaN;
}

function eventIn(entry: AuditEntry): Readonly<Record<string, unknown>> {
  try {
    const event: unknown = JSON.parse(entry.json);
    return typeof event === 'object' && event !== null ? { ...event } : {};
  } catch {
    return {};
  }
}
