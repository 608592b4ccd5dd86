import { script } from './scripts.ts';

/** Names that ADD_COUNTS takes for each scope and day. */
export const NAMES_OF_COUNTS = 4;

/**
 * Processes whose last batch is remembered for a scope and day. When one more comes, those that wrote there the longest
 * ago are forgotten, in their order and not by their age: a process that Redis was away for all day is still known
 * when it sends its batch again, unless some hundreds of others have counted there before it.
 */
export const MAX_WRITERS = 1_024;
/** Forgotten at a time, so that it is seldom looked who they are. */
const FORGOTTEN_WRITERS = MAX_WRITERS / 4;
/** `sent` has a batch as `<number of the batch><second of its day, six digits>`: an integer takes the least memory. */
const SECONDS_IN_SENT = 1_000_000;

/** A key that is in use sets a new end for its last use no more often than this, in seconds. */
const USE_SLACK = 3_600;

/** Merges a last use: of each of its times the later one wins; '' is none. It goes when it was not merged for so long. */
const MERGE = `
local function merge(key, last, previous, seconds)
  for field, value in pairs({last = last, previous = previous}) do
    if value ~= '' and tonumber(value) > tonumber(redis.call('HGET', key, field) or '-1') then
      redis.call('HSET', key, field, value)
    end
  end
  local isUsed = last ~= '' or previous ~= ''
  if isUsed and redis.call('TTL', key) < seconds - ${USE_SLACK} then redis.call('EXPIRE', key, seconds) end
end`;

/**
 * Adds what a process counted, one scope and day after the other, unless it was added before. KEYS, for each: counts,
 * sent, days, last use. ARGV: writer, number, seconds that what was sent is kept, first day that is kept; then for each:
 * day, requests, seconds that the counts and the use are kept, last use, last use of the previous secret ('' for none), how many
 * fields, and the fields, each with what to add to it.
 *
 * `sent` has a field for each process that counted for the scope that day, up to MAX_WRITERS, and goes two days after it
 * was made. One that an older version wrote has no second, and looks as if it were long ago. Redis refuses a script for
 * want of memory at its first write or not at all, so it never marks what it does not add.
 */
export const ADD_COUNTS = script(`${MERGE}
local writer, number, keepFrom = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[4])
local now, first = tonumber(redis.call('TIME')[1]), number * ${SECONDS_IN_SENT}
local function forget(sent)
  local all, order = redis.call('HGETALL', sent), {}
  for i = 1, #all, 2 do order[#order + 1] = {all[i], tonumber(all[i + 1]) % ${SECONDS_IN_SENT}} end
  table.sort(order, function(a, b) return a[2] < b[2] end)
  for i = 1, ${FORGOTTEN_WRITERS} do redis.call('HDEL', sent, order[i][1]) end
end
local function isNew(sent, day)
  local seen = redis.call('HGET', sent, writer)
  if seen and tonumber(seen) >= first then return false end
  if not seen and redis.call('HLEN', sent) >= ${MAX_WRITERS} then forget(sent) end
  local second = now - day * 86400
  if second < 0 then second = 0 elseif second >= ${SECONDS_IN_SENT} then second = ${SECONDS_IN_SENT - 1} end
  redis.call('HSET', sent, writer, first + second)
  return true, not seen
end
local function add(counts, sent, days, arg, fields)
  local new, isFirst = isNew(sent, tonumber(ARGV[arg]))
  if not new then return end
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
  merge(KEYS[key + 3], ARGV[arg + 3], ARGV[arg + 4], tonumber(ARGV[arg + 2]))
  arg = arg + 6 + 2 * fields
end
return 1`);

/** KEYS: last use. ARGV: last, previous; '' for none; seconds that it is kept. */
export const MERGE_USE = script(`${MERGE}
merge(KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]))
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
 * Notes where requests are logged. KEYS: lists of notes. ARGV: most notes in a list, seconds that they are kept; then for
 * each list: how many notes, and those, the newest last.
 */
export const NOTE_REQUESTS = script(`
local arg = 3
for _, list in ipairs(KEYS) do
  local last = arg + tonumber(ARGV[arg])
  for i = arg + 1, last do redis.call('LPUSH', list, ARGV[i]) end
  redis.call('LTRIM', list, 0, tonumber(ARGV[1]) - 1)
  if redis.call('TTL', list) < tonumber(ARGV[2]) then redis.call('EXPIRE', list, ARGV[2]) end
  arg = last + 1
end
return 1`);

/**
 * Lists keys that have a log by when its oldest entry expires; one that is listed keeps the earlier of both times. KEYS:
 * lists. ARGV, for each: how many keys, and when each is due and its id.
 */
export const LIST_LOGS = script(`
local arg = 1
for _, list in ipairs(KEYS) do
  local last = arg + 2 * tonumber(ARGV[arg])
  for i = arg + 1, last, 2 do redis.call('ZADD', list, 'LT', ARGV[i], ARGV[i + 1]) end
  arg = last + 1
end
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
