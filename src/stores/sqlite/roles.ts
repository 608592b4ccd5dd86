import type { StatementSync } from 'node:sqlite';
import type { Along } from '../../core/along.ts';
import { StoreError } from '../../core/ports.ts';
import { MAX_ROLES, type Role, type RoleStore } from '../../core/role.ts';
import { roleSubject } from '../change-cursor.ts';
import { decodeRole, encodeRole } from '../role-record.ts';
import type { AlongWriter } from './along.ts';
import type { SqliteChangeLog } from './change-log.ts';
import { storeError } from './errors.ts';
import { type Connection, transaction } from './transaction.ts';

/** Roles in SQLite; on the disk when a call resolves. */
export class SqliteRoleStore implements RoleStore {
  readonly #reader: Connection;
  readonly #writer: Connection;
  readonly #changes: SqliteChangeLog;
  readonly #along: AlongWriter;
  readonly #all: StatementSync;
  readonly #one: StatementSync;
  readonly #count: StatementSync;
  readonly #insert: StatementSync;
  readonly #update: StatementSync;
  readonly #delete: StatementSync;

  constructor(reader: Connection, writer: Connection, changes: SqliteChangeLog, along: AlongWriter) {
    this.#reader = reader;
    this.#writer = writer;
    this.#changes = changes;
    this.#along = along;
    this.#all = reader.db.prepare('SELECT name, record FROM roles ORDER BY name');
    this.#one = reader.db.prepare('SELECT name, record FROM roles WHERE name = ?');
    this.#count = writer.db.prepare('SELECT count(*) AS n FROM roles');
    this.#insert = writer.db.prepare(
      'INSERT INTO roles (version, record, name) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING',
    );
    this.#update = writer.db.prepare('UPDATE roles SET version = ?, record = ? WHERE name = ? AND version = ?');
    this.#delete = writer.db.prepare('DELETE FROM roles WHERE name = ? AND version = ?');
  }

  async list(): Promise<Role[]> {
    const rows = this.#guard(() => this.#all.all());
    return rows.map((row) => decodeRole(String(row['name']), String(row['record'])));
  }

  async get(name: string): Promise<Role | null> {
    const row = this.#guard(() => this.#one.get(name));
    return row === undefined ? null : decodeRole(name, String(row['record']));
  }

  create(role: Role, along?: Along): Promise<void> {
    return this.#change(role.name, along, () => {
      const { changes } = this.#insert.run(role.version, encodeRole(role), role.name);
      if (changes !== 1) throw new StoreError('STORE_CONFLICT', `There is a role ${role.name} already`);
      const count = Number(this.#count.get()?.['n']);
      if (count > MAX_ROLES) throw new StoreError('STORE_FULL', `There are ${MAX_ROLES} roles, and may be no more`);
    });
  }

  replace(role: Role, along?: Along): Promise<void> {
    const expected = role.version - 1;
    return this.#change(role.name, along, () => {
      const { changes } = this.#update.run(role.version, encodeRole(role), role.name, expected);
      if (changes !== 1) throw moved(role.name, expected);
    });
  }

  delete(name: string, version: number, along?: Along): Promise<void> {
    return this.#change(name, along, () => {
      const { changes } = this.#delete.run(name, version);
      if (changes !== 1) throw moved(name, version);
    });
  }

  #change(name: string, along: Along | undefined, change: () => void): Promise<void> {
    return transaction(this.#writer, () => {
      change();
      this.#along.write(along ?? {});
      this.#changes.add(roleSubject(name));
    });
  }

  #guard<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw storeError(error, this.#reader.file);
    }
  }
}

function moved(name: string, version: number): StoreError {
  return new StoreError(
    'STORE_CONFLICT',
    `The role ${name} is not at version ${version}: it was changed meanwhile, or is gone`,
  );
}
