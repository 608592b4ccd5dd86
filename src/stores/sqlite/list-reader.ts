import type { SQLOutputValue, StatementSync } from 'node:sqlite';
import type { ListChunk, ListEntry, ListIndex, ListRead, ListReader } from '../listing.ts';
import type { ListOrder } from '../positions.ts';
import { storeError } from './errors.ts';
import type { Connection } from './transaction.ts';

const COLUMNS: Readonly<Record<ListOrder, string>> = {
  created: 'position',
  name: 'name_position',
  expires: 'expiry_position',
};

/** Characters of records that are read at a time: what takes longer keeps requests waiting. */
const MAX_CHUNK_LENGTH = 1024 * 1024;

/** What listings need of SQLite: each walk is one look-up in one index, and then its entries. */
export class SqliteListReader implements ListReader {
  readonly #connection: Connection;
  readonly #count: StatementSync;
  /** By their SQL; there are 24. */
  readonly #walks = new Map<string, StatementSync>();

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#count = connection.db.prepare('SELECT keys FROM key_counts WHERE list = ? AND value = ?');
  }

  read(what: ListRead): ListChunk {
    const { index, order, after, skip, count } = what;
    const values = [...(index.name === 'all' ? [] : [index.value]), ...(after === '' ? [] : [after])];
    return this.#guard(() => {
      const entries: ListEntry[] = [];
      let length = 0;
      for (const row of this.#walk(what).iterate(...values, count, skip)) {
        const entry = entryOf(row);
        entries.push(entry);
        length += entry.json.length;
        if (entries.length === count || length > MAX_CHUNK_LENGTH) return { entries, next: entry.positions[order] };
      }
      return { entries, next: null };
    });
  }

  count(index: ListIndex): number {
    const value = index.name === 'all' ? '' : index.value;
    return Number(this.#guard(() => this.#count.get(index.name, value))?.['keys'] ?? 0);
  }

  #walk(what: ListRead): StatementSync {
    const sql = sqlOf(what);
    let walk = this.#walks.get(sql);
    if (walk === undefined) {
      walk = this.#connection.db.prepare(sql);
      this.#walks.set(sql, walk);
    }
    return walk;
  }

  #guard<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw storeError(error, this.#connection.file);
    }
  }
}

function sqlOf({ index, order, descending, after }: ListRead): string {
  const column = COLUMNS[order];
  const conditions = [
    ...(index.name === 'all' ? [] : [`${index.name} = ?`]),
    ...(after === '' ? [] : [`${column} ${descending ? '<' : '>'} ?`]),
  ];
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  return `SELECT position, name_position, expiry_position, id, type, owner, status, record FROM keys ${where}
    ORDER BY ${column} ${descending ? 'DESC' : 'ASC'} LIMIT ? OFFSET ?`;
}

function entryOf(row: Record<string, SQLOutputValue>): ListEntry {
  return {
    positions: {
      created: String(row['position']),
      name: String(row['name_position']),
      expires: String(row['expiry_position']),
    },
    id: String(row['id']),
    type: String(row['type']),
    owner: String(row['owner']),
    status: String(row['status']),
    json: String(row['record']),
  };
}
