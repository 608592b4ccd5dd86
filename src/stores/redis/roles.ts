import type { Along } from '../../core/along.ts';
import { StoreError } from '../../core/ports.ts';
import { MAX_ROLES, type Role, type RoleStore } from '../../core/role.ts';
import { roleSubject } from '../change-cursor.ts';
import { decodeRole, encodeRole } from '../role-record.ts';
import { CHANGE_ROLE, CONFLICT, CREATE_ROLE, FULL } from './change-scripts.ts';
import type { RedisConnection } from './connection.ts';
import { BY_NAME, ROLES } from './layout.ts';
import type { Writer } from './writer.ts';

/** Roles in Redis: one hash, as every gateway keeps all of them anyway. */
export class RedisRoleStore implements RoleStore {
  readonly #connection: RedisConnection;
  readonly #writer: Writer;

  constructor(connection: RedisConnection, writer: Writer) {
    this.#connection = connection;
    this.#writer = writer;
  }

  async list(): Promise<Role[]> {
    const found = await this.#connection.ask((client) => client.hgetall(ROLES));
    const names = Object.keys(found).toSorted();
    return names.map((name) => decodeRole(name, found[name] ?? ''));
  }

  async get(name: string): Promise<Role | null> {
    const json = await this.#read(name);
    return json === null ? null : decodeRole(name, json);
  }

  async create(role: Role, along?: Along): Promise<void> {
    const args = [role.name, encodeRole(role), MAX_ROLES, roleSubject(role.name)];
    const change = { script: CREATE_ROLE, keys: [ROLES], args };
    const { outcome } = await this.#writer.write(change, along);
    if (outcome === CONFLICT) throw new StoreError('STORE_CONFLICT', `The role ${role.name} is already there`);
    if (outcome === FULL) throw new StoreError('STORE_FULL', `There are ${MAX_ROLES} roles already`);
  }

  replace(role: Role, along?: Along): Promise<void> {
    return this.#change(role.name, role.version - 1, encodeRole(role), along);
  }

  delete(name: string, version: number, along?: Along): Promise<void> {
    return this.#change(name, version, '', along);
  }

  /** @param json what it becomes; '' to delete it */
  async #change(name: string, version: number, json: string, along?: Along): Promise<void> {
    const stored = await this.#read(name);
    if (stored !== null && decodeRole(name, stored).version === version) {
      const change = { script: CHANGE_ROLE, keys: [ROLES, BY_NAME], args: [name, json, stored, roleSubject(name)] };
      const { outcome } = await this.#writer.write(change, along);
      if (outcome !== CONFLICT) return;
    }
    throw new StoreError(
      'STORE_CONFLICT',
      `The role ${name} is not at version ${version} (changed meanwhile, or gone), or the claim is taken`,
    );
  }

  #read(name: string): Promise<string | null> {
    return this.#connection.ask((client) => client.hget(ROLES, name));
  }
}
