import type { KeyUse, UsageStore } from '../../core/ports.ts';
import type { RedisConnection } from './connection.ts';
import { useName } from './layout.ts';
import { RECORD_USE } from './scripts.ts';

/** Keys whose times are sent at once, so that a large batch does not fill the connection. */
const MAX_BATCH = 500;

/** Last-used times in Redis. */
export class RedisUsageStore implements UsageStore {
  readonly #connection: RedisConnection;

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  async record(uses: readonly KeyUse[]): Promise<void> {
    for (let start = 0; start < uses.length; start += MAX_BATCH) {
      await Promise.all(uses.slice(start, start + MAX_BATCH).map((use) => this.#merge(use)));
    }
  }

  async read(keyIds: readonly string[]): Promise<KeyUse[]> {
    const found: KeyUse[] = [];
    for (let start = 0; start < keyIds.length; start += MAX_BATCH) {
      const part = keyIds.slice(start, start + MAX_BATCH);
      const times = await this.#connection.ask((client) =>
        Promise.all(part.map((id) => client.hmget(useName(id), 'last', 'previous'))),
      );
      part.forEach((keyId, i) => {
        found.push({ keyId, lastUsedAt: timeOf(times[i]?.[0]), previousLastUsedAt: timeOf(times[i]?.[1]) });
      });
    }
    return found;
  }

  async #merge(use: KeyUse): Promise<void> {
    await this.#connection.run(RECORD_USE, [useName(use.keyId)], [use.lastUsedAt ?? '', use.previousLastUsedAt ?? '']);
  }
}

function timeOf(text: string | null | undefined): number | null {
  return text === null || text === undefined ? null : Number(text);
}
