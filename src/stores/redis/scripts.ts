import { hash } from 'node:crypto';
import { AHEAD_SHARE } from '../../core/limits.ts';

/** A Lua script and the digest that EVALSHA calls it by. */
export interface Script {
  readonly lua: string;
  readonly sha: string;
}

/** @param lua the text of the script; every name that it touches must be among its KEYS */
export function script(lua: string): Script {
  return { lua, sha: hash('sha1', lua, 'hex') };
}

/**
 * Reads a state and brings it up to the server's clock, as core/limits.ts does; integers below 2^53 throughout. The
 * state is kept until its windows are past and its bucket is full, and two days more, so that forgetting it is the same
 * as remembering it.
 */
const LIMIT_STATE = `
local HOUR, DAY, TOKEN = 3600000, 86400000, 3600000
local time = redis.call('TIME')
local clock = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function text(number) return string.format('%.0f', number) end
local function read(key, perHour, burst)
  local kept = redis.pcall('HMGET', key, 'hour', 'hourUsed', 'day', 'dayUsed', 'units', 'at')
  if kept.err then return nil end
  local now, full = clock, burst * TOKEN
  local at = tonumber(kept[6])
  if not at then return false, now, math.floor(now / HOUR), 0, math.floor(now / DAY), 0, full end
  now = math.max(now, at)
  local hour, day = math.floor(now / HOUR), math.floor(now / DAY)
  local hourUsed, dayUsed, units = 0, 0, tonumber(kept[5])
  if tonumber(kept[1]) == hour then hourUsed = tonumber(kept[2]) end
  if tonumber(kept[3]) == day then dayUsed = tonumber(kept[4]) end
  local elapsed = now - at
  if units >= full or elapsed >= (full - units) / perHour then units = full
  else units = units + elapsed * perHour end
  return true, now, hour, hourUsed, day, dayUsed, units
end
local function giveBack(count, leasedAt, hour, hourUsed, day, dayUsed, units, full)
  if math.floor(leasedAt / HOUR) == hour then hourUsed = math.max(0, hourUsed - count) end
  if math.floor(leasedAt / DAY) == day then dayUsed = math.max(0, dayUsed - count) end
  return hourUsed, dayUsed, math.min(full, units + count * TOKEN)
end
local function keep(key, perHour, burst, now, hour, hourUsed, day, dayUsed, units, ...)
  redis.call('HSET', key, 'hour', text(hour), 'hourUsed', text(hourUsed), 'day', text(day),
    'dayUsed', text(dayUsed), 'units', text(units), 'at', text(now), ...)
  redis.call('PEXPIRE', key, text(2 * DAY + math.ceil((burst * TOKEN - units) / perHour)))
end
`;

/** Numbers that LEASE answers for each of its keys. */
export const LEASE_FIELDS = 8;

/**
 * `take` of core/limits.ts, for one key after the other. KEYS: limits. ARGV: the field that this process keeps its last
 * grant in, and a token that no other call has; then for each key: per hour, per day, burst, want, ahead, tokens that were not
 * answered, each between two spaces, and what is owed: '' or its hour, of that hour, of earlier hours of the day. Answers a Lease for each as integers: granted, refused by (0 none, 1 burst,
 * 2 hour, 3 day), and the rest in its order. All are -1 for a key under whose name there is something else: what one has
 * wrong must not fail the others.
 *
 * What is granted, and what was owed in this hour, is kept under the token: `<token> <granted> <time>`. Where one that was not answered is still kept, what it
 * was granted goes back first, as `giveBack` of core/limits.ts does, and its token with it: nothing goes back twice. An
 * ordinary call writes the field and does not read it. (Lua writes a number of up to 14 digits out by itself; `text` is
 * for those that may have more.)
 */
export const LEASE = script(`${LIMIT_STATE}
local field, token, sums, out = ARGV[1], ARGV[2], {}, {}
for i = 1, #KEYS do
  local arg, key = 2 + 7 * (i - 1), KEYS[i]
  local perHour, perDay = tonumber(ARGV[arg + 1]), tonumber(ARGV[arg + 2])
  local burst, want, ahead = tonumber(ARGV[arg + 3]), tonumber(ARGV[arg + 4]), tonumber(ARGV[arg + 5])
  local known, now, hour, hourUsed, day, dayUsed, units = read(key, perHour, burst)
  local at = 8 * (i - 1)
  if known == nil then
    for n = 1, 8 do out[at + n] = -1 end
  else
    local unanswered, undone = ARGV[arg + 6], false
    if known and unanswered ~= '' then
      local before, count, leasedAt = string.match(redis.call('HGET', key, field) or '', '^(%S+) (%d+) (%d+)$')
      if before and string.find(unanswered, ' ' .. before .. ' ', 1, true) then
        undone = true
        hourUsed, dayUsed, units =
          giveBack(tonumber(count), tonumber(leasedAt), hour, hourUsed, day, dayUsed, units, burst * TOKEN)
      end
    end
    local owed, charged = ARGV[arg + 7], 0
    if owed ~= '' then
      local owedHour, ofHour, ofDay = string.match(owed, '^(%d+) (%d+) (%d+)$')
      owedHour, ofHour, ofDay = tonumber(owedHour), tonumber(ofHour), tonumber(ofDay)
      if owedHour >= hour then hourUsed, charged = hourUsed + ofHour, ofHour end
      if math.floor(owedHour / 24) >= day then dayUsed = dayUsed + ofHour + ofDay end
      units = math.max(0, units - ofHour * TOKEN)
    end
    local tokens = math.floor(units / TOKEN)
    local hourFree, dayFree = math.max(0, perHour - hourUsed), math.max(0, perDay - dayUsed)
    local free = math.min(tokens, hourFree, dayFree)
    local wanted = math.min(want, free)
    local granted = wanted + math.min(ahead, math.floor((free - wanted) / ${AHEAD_SHARE}))
    local by, wait = 0, 0
    if granted == 0 and want > 0 then
      by = 1
      if tokens <= 0 then wait = math.ceil((TOKEN - units) / perHour) end
      local hourWait = hourFree > 0 and 0 or (hour + 1) * HOUR - now
      if hourWait > wait then by, wait = 2, hourWait end
      local dayWait = dayFree > 0 and 0 or (day + 1) * DAY - now
      if dayWait > wait then by, wait = 3, dayWait end
    end
    units = units - granted * TOKEN
    if granted > 0 or owed ~= '' then
      local sum = (sums[key] or 0) + granted + charged
      sums[key] = sum
      keep(key, perHour, burst, now, hour, hourUsed + granted, day, dayUsed + granted, units,
        field, token .. ' ' .. sum .. ' ' .. now)
    elseif undone then
      keep(key, perHour, burst, now, hour, hourUsed, day, dayUsed, units)
      redis.call('HDEL', key, field)
    end
    out[at + 1], out[at + 2], out[at + 3], out[at + 4] = granted, by, wait, hourFree - granted
    out[at + 5], out[at + 6] = dayFree - granted, tokens - granted
    out[at + 7], out[at + 8] = math.ceil((burst * TOKEN - units) / perHour), now
  end
end
return out`);

/** Numbers that PEEK answers: the clock, and the state as it is kept, in the order of LimitState; or the clock alone. */
export const PEEK_FIELDS = 7;

/** KEYS: limit. Only reads. Answers -1 where there is something else under its name. */
export const PEEK = script(`
local time = redis.call('TIME')
local clock = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local kept = redis.pcall('HMGET', KEYS[1], 'hour', 'hourUsed', 'day', 'dayUsed', 'units', 'at')
if kept.err then return {-1} end
if not kept[6] then return {clock} end
local out = {clock}
for i = 1, 6 do out[i + 1] = tonumber(kept[i]) or -1 end
return out`);

/** `giveBack` of core/limits.ts. KEYS: limit. ARGV: per hour, per day, burst, unused, time of the lease. */
export const RELEASE = script(`${LIMIT_STATE}
local perHour, burst = tonumber(ARGV[1]), tonumber(ARGV[3])
local unused, leasedAt = tonumber(ARGV[4]), tonumber(ARGV[5])
local known, now, hour, hourUsed, day, dayUsed, units = read(KEYS[1], perHour, burst)
if not known then return 0 end
hourUsed, dayUsed, units = giveBack(unused, leasedAt, hour, hourUsed, day, dayUsed, units, burst * TOKEN)
keep(KEYS[1], perHour, burst, now, hour, hourUsed, day, dayUsed, units)
return 1`);
