import type { ListChunk, ListEntry, ListIndex, ListRead, ListReader } from '../listing.ts';
import { idAt, type ListOrder } from '../positions.ts';
import type { RedisConnection } from './connection.ts';
import { BY_EXPIRY, BY_NAME, listName, recordName } from './layout.ts';
import type { Client } from './link.ts';
import { placesOf } from './places.ts';
import type { Upgrade } from './upgrade.ts';

/** The listings as Redis keeps them: sorted sets of one score, which it sorts by the bytes of their members. */
export class RedisListReader implements ListReader {
  readonly #connection: RedisConnection;
  readonly #upgrade: Upgrade;

  constructor(connection: RedisConnection, upgrade: Upgrade) {
    this.#connection = connection;
    this.#upgrade = upgrade;
  }

  async read(what: ListRead): Promise<ListChunk> {
    if (what.order !== 'created') await this.#upgrade.done();
    return this.#connection.ask((client) => walk(client, what));
  }

  count(index: ListIndex): Promise<number> {
    return this.#connection.ask((client) => client.zcard(listName(index)));
  }
}

async function walk(client: Client, what: ListRead): Promise<ListChunk> {
  const positions = await positionsIn(client, what);
  const ids = positions.map((position) => idAt(what.order, position));
  const names = ['position', 'by_name', 'by_expiry', 'type', 'owner', 'status', 'json'];
  const found = await Promise.all(ids.map((id) => client.hmget(recordName(id), ...names)));
  const entries = positions.flatMap((position, i) => entryOf(ids[i] ?? '', what.order, position, found[i] ?? []));
  return { entries, next: positions.length < what.count ? null : (positions.at(-1) ?? null) };
}

function positionsIn(client: Client, { index, order, descending, after, skip, count }: ListRead): Promise<string[]> {
  const name = nameOf(index, order);
  const edge = `(${after}`;
  return descending
    ? client.zrevrangebylex(name, after === '' ? '+' : edge, '-', 'LIMIT', skip, count)
    : client.zrangebylex(name, after === '' ? '-' : edge, '+', 'LIMIT', skip, count);
}

function nameOf(index: ListIndex, order: ListOrder): string {
  if (order === 'created') return listName(index);
  return order === 'name' ? BY_NAME : BY_EXPIRY;
}

/** None for a key that was deleted since its place was read. */
function entryOf(id: string, order: ListOrder, position: string, found: readonly (string | null)[]): ListEntry[] {
  const [created, name, expires, type, owner, status, json] = found;
  if (typeof created !== 'string') return [];
  const text = json ?? '';
  const places =
    typeof name === 'string' && typeof expires === 'string' ? { created, name, expires } : placesOf(id, created, text);
  // The walk goes on from where the key was found, should it have moved meanwhile.
  const positions = { ...places, [order]: position };
  return [{ positions, id, type: type ?? '', owner: owner ?? '', status: status ?? '', json: text }];
}
