import { type GatewayProgress, type GatewayRegistry, type GatewayReport, LIVE_MS } from '../../core/gateways.ts';
import { StoreError } from '../../core/ports.ts';
import { byName } from '../gateway-order.ts';
import type { RedisConnection } from './connection.ts';
import { CHANGES, GATEWAYS } from './layout.ts';
import { script } from './scripts.ts';

/** Without a report for this long nobody is left who would take the dead out. */
const FORGET_ALL_MS = 60_000;

const CLOCK = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
`;

/**
 * KEYS: gateways. ARGV: id, cursor, name, ms that count as live, ms to keep all of it. Whoever comes new takes out the
 * dead: so there are never more of them than gateways that died since somebody came.
 */
const REPORT = script(`${CLOCK}
local entry = string.format('%.0f', now) .. ' ' .. ARGV[2] .. ' ' .. ARGV[3]
if redis.call('HSET', KEYS[1], ARGV[1], entry) == 1 then
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    local at = tonumber(string.match(all[i + 1], '^%d+')) or 0
    if now - at > tonumber(ARGV[4]) then redis.call('HDEL', KEYS[1], all[i]) end
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1`);

/** KEYS: gateways, changes. Answers the clock, the position of the newest change ('' for none), and the whole hash. */
const PROGRESS = script(`${CLOCK}
local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
local out = redis.call('HGETALL', KEYS[1])
table.insert(out, 1, newest[1] and newest[1][1] or '')
table.insert(out, 1, string.format('%.0f', now))
return out`);

/** `<heard at> <cursor> <name>` */
const ENTRY = /^(\d+) (\S+) (.*)$/s;

/** Gateways in one hash, a field for each, in the slot of the keys: what is compared is read in one step. */
export class RedisGatewayRegistry implements GatewayRegistry {
  readonly #connection: RedisConnection;

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  async report({ id, name, cursor }: GatewayReport): Promise<void> {
    await this.#connection.run(REPORT, [GATEWAYS], [id, cursor, name, LIVE_MS, FORGET_ALL_MS]);
  }

  async leave(id: string): Promise<void> {
    await this.#connection.ask((client) => client.hdel(GATEWAYS, id));
  }

  async progress(cursor: string): Promise<readonly GatewayProgress[]> {
    const reply = await this.#connection.run(PROGRESS, [GATEWAYS, CHANGES], []);
    if (!Array.isArray(reply)) throw new StoreError('STORE_CORRUPT', 'Redis answered something else about gateways');
    const [now, newest = '', ...fields] = reply.map(String);
    const found: GatewayProgress[] = [];
    for (let i = 0; i + 1 < fields.length; i += 2) {
      const [, at, theirs = '', name = ''] = ENTRY.exec(fields[i + 1] ?? '') ?? [];
      const heardMsAgo = Number(now) - Number(at);
      // What a newer version wrote in another way is no gateway that this one could wait for.
      if (!(heardMsAgo <= LIVE_MS)) continue;
      // A position after the newest one is of a log that the server lost, as in a failover: it says nothing about this one.
      const isThere = compare(theirs, cursor) >= 0 && compare(theirs, newest) <= 0;
      found.push({ id: fields[i] ?? '', name, isThere, heardMsAgo: Math.max(0, heardMsAgo) });
    }
    return found.sort(byName);
  }
}

/** Compares ids of stream entries, `<ms>-<n>`; what is no such id comes before all. */
function compare(a: string, b: string): number {
  const [aMs, aSeq] = parts(a);
  const [bMs, bSeq] = parts(b);
  return aMs === bMs ? aSeq - bSeq : aMs - bMs;
}

function parts(position: string): [ms: number, seq: number] {
  const [, ms = '0', seq = '0'] = /^(\d+)(?:-(\d+))?$/.exec(position) ?? [];
  return [Number(ms), Number(seq)];
}
