import { type GatewayProgress, type GatewayRegistry, type GatewayReport, LIVE_MS } from '../../core/gateways.ts';
import { StoreError } from '../../core/ports.ts';
import { BEGINNING, MAX_CHANGES } from '../change-cursor.ts';
import { byName } from '../gateway-order.ts';
import type { RedisConnection } from './connection.ts';
import { CHANGES, GATEWAYS } from './layout.ts';
import { script } from './scripts.ts';

/** Without a report for this long nobody is left who would take the dead out, and no outage is waited for. */
const FORGET_ALL_MS = 3_600_000;
/** Time between two reports, of whomever, counts for so much at most: what is longer may be the server's own absence. */
const STEP_MS = 1_000;
/** Field for the time that gateways are measured by. What is no entry is passed over by every version. */
const HEARD = 'heard';
/** In place of a cursor that is in no log here. */
const NOWHERE = '?';

/**
 * The clock of the server, and the time in which it heard of gateways: that one stands still while the server is away, and
 * goes on from where it was after a failover, whatever the clocks of servers say.
 */
const CLOCK = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function text(number) return string.format('%.0f', number) end
local last, heard = string.match(redis.call('HGET', KEYS[1], '${HEARD}') or '', '^at (%d+) heard (%d+)$')
heard = heard and tonumber(heard) + math.max(0, math.min(now - tonumber(last), ${STEP_MS})) or now
`;

/**
 * KEYS: gateways. ARGV: id, cursor, name, ms that count as live, ms to keep all of it. Whoever comes new takes out the dead:
 * so there are never more of them than gateways that died since somebody came.
 */
const REPORT = script(`${CLOCK}
local at, counted = text(now), text(heard)
local entry = at .. ' ' .. ARGV[2] .. ' ' .. counted .. ' ' .. ARGV[3]
if redis.call('HSET', KEYS[1], ARGV[1], entry, '${HEARD}', 'at ' .. at .. ' heard ' .. counted) ~= 0 then
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    local at = tonumber(string.match(all[i + 1], '^%d+ %S+ (%d+)')) or 0
    if all[i] ~= '${HEARD}' and heard - at > tonumber(ARGV[4]) then redis.call('HDEL', KEYS[1], all[i]) end
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1`);

/**
 * KEYS: gateways, changes. ARGV: the cursor that is asked about. Answers both clocks, the position of the newest change (''
 * for none), and the whole hash.
 *
 * A cursor that the log does not have is of another log, which a failover lost, or is so old that the log has forgotten it:
 * it confirms nothing.
 */
const PROGRESS = script(`${CLOCK}
local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
local out = redis.call('HGETALL', KEYS[1])
local known = { [ARGV[1]] = true, ['${BEGINNING}'] = true }
for i = 2, #out, 2 do
  local cursor = string.match(out[i], '^%d+ (%d+%-%d+) ')
  if cursor and known[cursor] == nil then known[cursor] = #redis.call('XRANGE', KEYS[2], cursor, cursor) > 0 end
  if cursor and not known[cursor] then out[i] = string.gsub(out[i], '^(%d+) %S+', '%1 ${NOWHERE}') end
end
table.insert(out, 1, newest[1] and newest[1][1] or '')
table.insert(out, 1, text(heard))
table.insert(out, 1, text(now))
return out`);

/** `<heard at, by the server's clock> <cursor> <by the other one> <name>`; an older version leaves out the third. */
const ENTRY = /^(\d+) (\S+) (?:(\d{10,}) )?(.*)$/s;

/** Gateways in one hash, a field for each, in the slot of the keys: what is compared is read in one step. */
export class RedisGatewayRegistry implements GatewayRegistry {
  readonly #connection: RedisConnection;

  #refusals = 0;

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  /** A server that takes no writes may be one that a failover has replaced, and that was not told. */
  get refusals(): number {
    return this.#refusals;
  }

  async report({ id, name, cursor }: GatewayReport): Promise<void> {
    try {
      await this.#connection.run(REPORT, [GATEWAYS], [id, cursor, name, LIVE_MS, FORGET_ALL_MS]);
      this.#refusals = 0;
    } catch (error) {
      if (error instanceof StoreError && error.code === 'STORE_READ_ONLY') this.#refusals++;
      throw error;
    }
  }

  async leave(id: string): Promise<void> {
    await this.#connection.ask((client) => client.hdel(GATEWAYS, id));
  }

  async progress(cursor: string): Promise<readonly GatewayProgress[]> {
    const reply = await this.#connection.run(PROGRESS, [GATEWAYS, CHANGES], [cursor]);
    if (!Array.isArray(reply)) throw new StoreError('STORE_CORRUPT', 'Redis answered something else about gateways');
    const [now, heard, newest = '', ...fields] = reply.map(String);
    const found: GatewayProgress[] = [];
    for (let i = 0; i + 1 < fields.length; i += 2) {
      const [, at, theirs = '', heardAt, name = ''] = ENTRY.exec(fields[i + 1] ?? '') ?? [];
      // What a newer version wrote in another way is no gateway that this one could wait for.
      const silentMs = heardAt === undefined ? Number(now) - Number(at) : Number(heard) - Number(heardAt);
      if (!(silentMs <= LIVE_MS)) continue;
      // A position after the newest one is of a log that the server lost, as in a failover: it says nothing about this one.
      const isThere = theirs !== NOWHERE && compare(theirs, cursor) >= 0 && compare(theirs, newest) <= 0;
      found.push({ id: fields[i] ?? '', name, isThere, heardMsAgo: Math.max(0, Number(now) - Number(at)) });
    }
    return found.sort(byName);
  }

  /** A full log forgets its oldest entries; one that misses a position among those it has, or after them, has lost it. */
  async hasForgotten(cursor: string): Promise<boolean> {
    return this.#connection.ask(async (client) => {
      const [oldest, length] = await Promise.all([client.xrange(CHANGES, '-', '+', 'COUNT', 1), client.xlen(CHANGES)]);
      return length >= MAX_CHANGES && compare(cursor, oldest[0]?.[0] ?? '') < 0;
    });
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
