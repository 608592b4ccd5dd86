import { script } from './scripts.ts';

/** Names that ADD_COUNTS takes for each scope and day. */
export const NAMES_OF_COUNTS = 4;

/**
 * Adds what a process counted, one scope and day after the other, unless it was added before. KEYS, for each: counts,
 * sent, days, last use. ARGV: writer, number, seconds that what was sent is kept, first day that is kept; then for each:
 * day, requests, seconds that the counts are kept, last use, last use of the previous secret ('' for none), how many
 * fields, and the fields, each with what to add to it.
 *
 * `sent` has a field for each process that counted for the scope that day, and goes two days after it was made. Redis
 * refuses a script for want of memory at its first write or not at all, so it never marks what it does not add.
 */
export const ADD_COUNTS = script(`
local writer, number, keepFrom = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[4])
local function later(key, field, value)
  if value == '' then return end
  local known = tonumber(redis.call('HGET', key, field) or '-1')
  if tonumber(value) > known then redis.call('HSET', key, field, value) end
end
local function add(counts, sent, days, arg, fields)
  local seen = redis.call('HGET', sent, writer)
  if seen and tonumber(seen) >= number then return end
  local isFirst = redis.call('HSET', sent, writer, ARGV[2]) == 1
  if isFirst then redis.call('EXPIRE', sent, ARGV[3], 'NX') end
  for i = arg + 6, arg + 4 + 2 * fields, 2 do redis.call('HINCRBY', counts, ARGV[i], ARGV[i + 1]) end
  local seconds, left = tonumber(ARGV[arg + 2]), redis.call('TTL', counts)
  if left < 0 or (isFirst and left < seconds) then redis.call('EXPIRE', counts, seconds) end
  if redis.call('HINCRBY', days, ARGV[arg], ARGV[arg + 1]) == tonumber(ARGV[arg + 1]) then
    for _, day in ipairs(redis.call('HKEYS', days)) do
      if tonumber(day) < keepFrom then redis.call('HDEL', days, day) end
    end
    if redis.call('TTL', days) < seconds then redis.call('EXPIRE', days, seconds) end
  end
end
local arg = 5
for key = 1, #KEYS, ${NAMES_OF_COUNTS} do
  local fields = tonumber(ARGV[arg + 5])
  add(KEYS[key], KEYS[key + 1], KEYS[key + 2], arg, fields)
  later(KEYS[key + 3], 'last', ARGV[arg + 3])
  later(KEYS[key + 3], 'previous', ARGV[arg + 4])
  arg = arg + 6 + 2 * fields
end
return 1`);

/** KEYS: last use. ARGV: last, previous; '' for none. The later time wins. */
export const MERGE_USE = script(`
for i, field in ipairs({'last', 'previous'}) do
  if ARGV[i] ~= '' then
    local known = tonumber(redis.call('HGET', KEYS[1], field) or '-1')
    if tonumber(ARGV[i]) > known then redis.call('HSET', KEYS[1], field, ARGV[i]) end
  end
end
return 1`);

/**
 * Adds entries to the log of a key and takes out what is too old or too much. KEYS: log. ARGV: retention in ms, most
 * entries, then entries, which begin with the 16 digits of their time.
 */
export const APPEND_LOG = script(`
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
for i = 3, #ARGV do redis.call('ZADD', KEYS[1], 0, ARGV[i]) end
redis.call('ZREMRANGEBYLEX', KEYS[1], '-', '(' .. string.format('%016.0f', math.max(0, now - tonumber(ARGV[1]))))
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - tonumber(ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1`);

/**
 * Takes entries that have expired out of a log, the oldest first. KEYS: log. ARGV: now, most to take. Answers how many,
 * and when the oldest that is left expires; -1 when none is.
 */
export const PRUNE_LOG = script(`
local removed, due = 0, -1
for _, entry in ipairs(redis.call('ZRANGE', KEYS[1], 0, ARGV[2])) do
  due = tonumber(string.match(entry, '^%S+ (%d+)'))
  if due > tonumber(ARGV[1]) or removed == tonumber(ARGV[2]) then break end
  redis.call('ZREM', KEYS[1], entry)
  removed, due = removed + 1, -1
end
return {removed, due}`);
