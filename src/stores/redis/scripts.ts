import { hash } from 'node:crypto';

/** A Lua script and the digest that EVALSHA calls it by. */
export interface Script {
  readonly lua: string;
  readonly sha: string;
}

function script(lua: string): Script {
  return { lua, sha: hash('sha1', lua, 'hex') };
}

/**
 * KEYS: record, changes, then digests, then listings. ARGV: number of digests, id, position, longest change log, then
 * the fields of the record. 1 when made, 0 when the id or a digest is taken.
 */
export const CREATE_KEY = script(`
local digests = tonumber(ARGV[1])
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
for i = 3, 2 + digests do
  if redis.call('EXISTS', KEYS[i]) == 1 then return 0 end
end
for i = 3, 2 + digests do redis.call('SET', KEYS[i], ARGV[2]) end
for i = 3 + digests, #KEYS do redis.call('ZADD', KEYS[i], 0, ARGV[3]) end
redis.call('HSET', KEYS[1], unpack(ARGV, 5))
redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[4], '*', 'id', ARGV[2])
return 1`);

/**
 * KEYS: record, changes, then digests to claim, digests to drop, listings to leave, listings to join. ARGV: their four
 * numbers, id, position to leave, position to join, longest change log, version to replace, then the fields of the
 * record. 1 when replaced, 0 when the version is another or a digest is taken.
 *
 * Redis refuses a script for want of memory at its first write or not at all. Without a digest to claim that first
 * write is a removal, so a key can be revoked when the memory is full.
 */
export const REPLACE_KEY = script(`
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[9] then return 0 end
local claimed = 2 + tonumber(ARGV[1])
local dropped = claimed + tonumber(ARGV[2])
local left = dropped + tonumber(ARGV[3])
for i = 3, claimed do
  if redis.call('EXISTS', KEYS[i]) == 1 then return 0 end
end
for i = 3, claimed do redis.call('SET', KEYS[i], ARGV[5]) end
for i = claimed + 1, dropped do redis.call('DEL', KEYS[i]) end
for i = dropped + 1, left do redis.call('ZREM', KEYS[i], ARGV[6]) end
for i = left + 1, #KEYS do redis.call('ZADD', KEYS[i], 0, ARGV[7]) end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], unpack(ARGV, 10))
redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[8], '*', 'id', ARGV[5])
return 1`);

/**
 * Undoes CREATE_KEY, whose KEYS it takes, for as long as the record is as it was made. ARGV: number of digests, id,
 * position, longest change log, JSON.
 */
export const UNDO_CREATE_KEY = script(`
if redis.call('HGET', KEYS[1], 'json') ~= ARGV[5] then return 0 end
local digests = tonumber(ARGV[1])
for i = 3, 2 + digests do redis.call('DEL', KEYS[i]) end
for i = 3 + digests, #KEYS do redis.call('ZREM', KEYS[i], ARGV[3]) end
redis.call('DEL', KEYS[1])
redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[4], '*', 'id', ARGV[2])
return 1`);

/** KEYS: use. ARGV: last, previous; '' for none. The later time wins. */
export const RECORD_USE = script(`
local function later(field, value)
  if value == '' then return end
  local known = tonumber(redis.call('HGET', KEYS[1], field) or '-1')
  if tonumber(value) > known then redis.call('HSET', KEYS[1], field, value) end
end
later('last', ARGV[1])
later('previous', ARGV[2])
return 1`);

/** Reads the state and brings it up to the server's clock, as core/limits.ts does; integers below 2^53 throughout. */
const ADVANCE = `
local HOUR, DAY, TOKEN = 3600000, 86400000, 3600000
local perHour, perDay, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local kept = redis.call('HMGET', KEYS[1], 'hour', 'hourUsed', 'day', 'dayUsed', 'units', 'at')
local full = burst * TOKEN
local hourUsed, dayUsed, units = 0, 0, full
if kept[6] then now = math.max(now, tonumber(kept[6])) end
local hour, day = math.floor(now / HOUR), math.floor(now / DAY)
if kept[6] then
  if tonumber(kept[1]) == hour then hourUsed = tonumber(kept[2]) end
  if tonumber(kept[3]) == day then dayUsed = tonumber(kept[4]) end
  units = tonumber(kept[5])
  local elapsed = now - tonumber(kept[6])
  if units >= full or elapsed >= (full - units) / perHour then units = full
  else units = units + elapsed * perHour end
end
local function text(number) return string.format('%.0f', number) end
local function keep()
  redis.call('HSET', KEYS[1], 'hour', text(hour), 'hourUsed', text(hourUsed), 'day', text(day),
    'dayUsed', text(dayUsed), 'units', text(units), 'at', text(now))
end
`;

/**
 * `take` of core/limits.ts. KEYS: limit. ARGV: per hour, per day, burst, want. Answers a Lease as integers: granted,
 * refused by (0 none, 1 burst, 2 hour, 3 day), and the rest in its order.
 *
 * The state is forgotten three days after its last use. By then it says no more than no state would: its windows are
 * past, further than any clock is set back, and its bucket is full, since an hour's window lets out no more than an
 * hour lets in.
 */
export const LEASE = script(`${ADVANCE}
local tokens = math.floor(units / TOKEN)
local hourFree, dayFree = math.max(0, perHour - hourUsed), math.max(0, perDay - dayUsed)
local granted = math.min(tonumber(ARGV[4]), tokens, hourFree, dayFree)
local by, wait = 0, 0
if granted == 0 then
  by = 1
  if tokens <= 0 then wait = math.ceil((TOKEN - units) / perHour) end
  local hourWait = hourFree > 0 and 0 or (hour + 1) * HOUR - now
  if hourWait > wait then by, wait = 2, hourWait end
  local dayWait = dayFree > 0 and 0 or (day + 1) * DAY - now
  if dayWait > wait then by, wait = 3, dayWait end
end
hourUsed, dayUsed, units = hourUsed + granted, dayUsed + granted, units - granted * TOKEN
if granted > 0 then
  keep()
  redis.call('PEXPIRE', KEYS[1], text(3 * DAY))
end
return {granted, by, wait, hourFree - granted, dayFree - granted, tokens - granted,
  math.ceil((full - units) / perHour), now}`);

/** `giveBack` of core/limits.ts. KEYS: limit. ARGV: per hour, per day, burst, unused, time of the lease. */
export const RELEASE = script(`${ADVANCE}
if not kept[6] then return 0 end
local unused, leasedAt = tonumber(ARGV[4]), tonumber(ARGV[5])
if math.floor(leasedAt / HOUR) == hour then hourUsed = math.max(0, hourUsed - unused) end
if math.floor(leasedAt / DAY) == day then dayUsed = math.max(0, dayUsed - unused) end
units = math.min(full, units + unused * TOKEN)
keep()
return 1`);
