import { idAt } from '../positions.ts';
import type { RedisConnection } from './connection.ts';
import { BY_EXPIRY, BY_NAME, LAYOUT, LAYOUT_VERSION, listName, recordName } from './layout.ts';
import type { Client } from './link.ts';
import { placesOf } from './places.ts';
import { script } from './scripts.ts';

/** Records in one step, which takes the server a few milliseconds. */
const STEP = 500;

/**
 * KEYS: by name, by expiry, then records. ARGV, for each: version, place by name, place by expiry. A record that was
 * changed since it was read got its places with the change.
 */
const PLACE_KEYS = script(`
for i = 3, #KEYS do
  local arg = 3 * (i - 3)
  if redis.call('HGET', KEYS[i], 'version') == ARGV[arg + 1] then
    redis.call('ZADD', KEYS[1], 0, ARGV[arg + 2])
    redis.call('ZADD', KEYS[2], 0, ARGV[arg + 3])
    redis.call('HSET', KEYS[i], 'by_name', ARGV[arg + 2], 'by_expiry', ARGV[arg + 3])
  end
end
return 1`);

/**
 * Gives the records that an older version stored their places by name and by expiry, step by step. It does not matter
 * how many gateways do so at the same time, or that one of them ends before it is through.
 */
export class Upgrade {
  readonly #connection: RedisConnection;
  #running: Promise<void> | null = null;
  /** How far this process came, in the order of creation. */
  #after = '';

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  /** Resolves when every record has its places; when that failed, the next call goes on from where it ended. */
  done(): Promise<void> {
    this.#running ??= this.#run().catch((error: unknown) => {
      this.#running = null;
      throw error;
    });
    return this.#running;
  }

  async #run(): Promise<void> {
    const version = await this.#connection.ask((client) => client.get(LAYOUT));
    if (Number(version) >= Number(LAYOUT_VERSION)) return;
    while (await this.#step());
    await this.#connection.ask((client) => client.set(LAYOUT, LAYOUT_VERSION));
  }

  /** @returns whether there may be more */
  async #step(): Promise<boolean> {
    const records = await this.#connection.ask((client) => readFrom(client, this.#after));
    const last = records.at(-1);
    if (last === undefined) return false;
    const args = records.flatMap(({ id, position, version, json }) => {
      const places = placesOf(id, position, json ?? '');
      return [version ?? '', places.name, places.expires];
    });
    await this.#connection.run(PLACE_KEYS, [BY_NAME, BY_EXPIRY, ...records.map(({ id }) => recordName(id))], args);
    this.#after = last.position;
    return records.length === STEP;
  }
}

interface Found {
  readonly id: string;
  readonly position: string;
  readonly version: string | null | undefined;
  readonly json: string | null | undefined;
}

async function readFrom(client: Client, after: string): Promise<Found[]> {
  const start = after === '' ? '-' : `(${after}`;
  const positions = await client.zrangebylex(listName({ name: 'all' }), start, '+', 'LIMIT', 0, STEP);
  return Promise.all(
    positions.map(async (position) => {
      const id = idAt('created', position);
      const [version, json] = await client.hmget(recordName(id), 'version', 'json');
      return { id, position, version, json };
    }),
  );
}
