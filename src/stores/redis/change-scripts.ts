import { GENESIS } from '../../core/audit.ts';
import { headText } from './audit-head.ts';
import { DISORDER } from './errors.ts';
import { type Script, script } from './scripts.ts';

/** What a change answers besides the head that the audit log has, when that was not the expected one. */
export const CONFLICT = 0;
export const DONE = 1;
export const FULL = 2;

/**
 * A script that makes a change, with all that comes along with it, or that does nothing.
 *
 * KEYS: audit log, its head, changes, claim, then from KEYS[5] on its own. ARGV: expected head ('' without an event), id
 * of the entry in the stream, head after it, JSON, hash before, hash; longest change log; end of the claim ('' without
 * one), its fingerprint, answer and sealed secret; then from ARGV[12] on its own.
 *
 * Redis refuses a script for want of memory at its first write or not at all; `insist` makes that first write a removal,
 * of nothing, so that a key can be revoked when the memory is full. The entry of the audit log comes next: when that
 * cannot be added, as when the log goes beyond its head, nothing else is there yet.
 */
function change(lua: string): Script {
  return script(`
local function hindrance()
  if ARGV[8] ~= '' and redis.call('EXISTS', KEYS[4]) == 1 then return ${CONFLICT} end
  if ARGV[1] == '' then return nil end
  local head = redis.call('GET', KEYS[2]) or '${headText(GENESIS)}'
  if head ~= ARGV[1] then return head end
end
local function insist() redis.call('ZREM', KEYS[6], '') end
local function along()
  if ARGV[1] ~= '' then
    local added = redis.pcall('XADD', KEYS[1], ARGV[2], 'json', ARGV[4], 'previous', ARGV[5], 'hash', ARGV[6])
    if added.err then error(string.find(added.err, 'XADD', 1, true) and { err = '${DISORDER} XADD' } or added) end
    redis.call('SET', KEYS[2], ARGV[3])
  end
  if ARGV[8] ~= '' then
    redis.call('HSET', KEYS[4], 'expires', ARGV[8], 'fingerprint', ARGV[9], 'answer', ARGV[10], 'sealed', ARGV[11])
    redis.call('PEXPIREAT', KEYS[4], ARGV[8])
  end
end
local function changed(id) redis.call('XADD', KEYS[3], 'MAXLEN', ARGV[7], '*', 'id', id) end
${lua}`);
}

/**
 * KEYS: record, by name, by expiry, imported, then digests, then listings. ARGV: number of digests, id, place in the
 * listings, place by name, place by expiry, '1' for an imported secret, then the fields of the record. CONFLICT when the
 * id, a digest or the claim is taken.
 */
export const CREATE_KEY = change(`
local first, last = 9, 8 + tonumber(ARGV[12])
if redis.call('EXISTS', KEYS[5]) == 1 then return ${CONFLICT} end
for i = first, last do
  if redis.call('EXISTS', KEYS[i]) == 1 then return ${CONFLICT} end
end
local hindered = hindrance()
if hindered then return hindered end
along()
for i = first, last do redis.call('SET', KEYS[i], ARGV[13]) end
for i = last + 1, #KEYS do redis.call('ZADD', KEYS[i], 0, ARGV[14]) end
redis.call('ZADD', KEYS[6], 0, ARGV[15])
redis.call('ZADD', KEYS[7], 0, ARGV[16])
if ARGV[17] == '1' then redis.call('SET', KEYS[8], 1) end
redis.call('HSET', KEYS[5], unpack(ARGV, 18))
changed(ARGV[13])
return ${DONE}`);

/**
 * KEYS: record, by name, by expiry, imported, then digests to claim, digests to drop, listings to leave, listings to
 * join. ARGV: their four numbers, id, place to leave, place to join, version to replace, place by name, place by expiry,
 * '1' for an imported secret, then the fields of the record. CONFLICT when the version is another or a digest is taken.
 *
 * The old places by name and by expiry are read here: they may have been given to the record since its version was read.
 */
export const REPLACE_KEY = change(`
if redis.call('HGET', KEYS[5], 'version') ~= ARGV[19] then return ${CONFLICT} end
local claimed = 8 + tonumber(ARGV[12])
local dropped = claimed + tonumber(ARGV[13])
local left = dropped + tonumber(ARGV[14])
for i = 9, claimed do
  if redis.call('EXISTS', KEYS[i]) == 1 then return ${CONFLICT} end
end
local hindered = hindrance()
if hindered then return hindered end
local places = redis.call('HMGET', KEYS[5], 'by_name', 'by_expiry')
if claimed == 8 then insist() end
along()
for i = 9, claimed do redis.call('SET', KEYS[i], ARGV[16]) end
for i = claimed + 1, dropped do redis.call('DEL', KEYS[i]) end
for i = dropped + 1, left do redis.call('ZREM', KEYS[i], ARGV[17]) end
for i = left + 1, #KEYS do redis.call('ZADD', KEYS[i], 0, ARGV[18]) end
for i = 1, 2 do
  if places[i] ~= ARGV[19 + i] then
    if places[i] then redis.call('ZREM', KEYS[5 + i], places[i]) end
    redis.call('ZADD', KEYS[5 + i], 0, ARGV[19 + i])
  end
end
if ARGV[22] == '1' then redis.call('SET', KEYS[8], 1) end
redis.call('DEL', KEYS[5])
redis.call('HSET', KEYS[5], unpack(ARGV, 23))
changed(ARGV[16])
return ${DONE}`);

/**
 * KEYS: record, by name, by expiry, then digests, then listings. ARGV: number of digests, id, place in the listings, a
 * field of the record and what it must be. CONFLICT when it is something else.
 */
export const DELETE_KEY = change(`
if redis.call('HGET', KEYS[5], ARGV[15]) ~= ARGV[16] then return ${CONFLICT} end
local hindered = hindrance()
if hindered then return hindered end
local last = 7 + tonumber(ARGV[12])
local places = redis.call('HMGET', KEYS[5], 'by_name', 'by_expiry')
insist()
along()
for i = 8, last do redis.call('DEL', KEYS[i]) end
for i = last + 1, #KEYS do redis.call('ZREM', KEYS[i], ARGV[14]) end
for i = 1, 2 do
  if places[i] then redis.call('ZREM', KEYS[5 + i], places[i]) end
end
redis.call('DEL', KEYS[5])
changed(ARGV[13])
return ${DONE}`);

/** KEYS: roles. ARGV: name, JSON, the most roles, subject of the change. CONFLICT when the name is taken. */
export const CREATE_ROLE = change(`
if redis.call('HEXISTS', KEYS[5], ARGV[12]) == 1 then return ${CONFLICT} end
if redis.call('HLEN', KEYS[5]) >= tonumber(ARGV[14]) then return ${FULL} end
local hindered = hindrance()
if hindered then return hindered end
along()
redis.call('HSET', KEYS[5], ARGV[12], ARGV[13])
changed(ARGV[15])
return ${DONE}`);

/**
 * KEYS: roles, by name. ARGV: name, JSON or '' to delete it, the JSON that it must have, subject of the change. CONFLICT
 * when it has another.
 */
export const CHANGE_ROLE = change(`
if redis.call('HGET', KEYS[5], ARGV[12]) ~= ARGV[14] then return ${CONFLICT} end
local hindered = hindrance()
if hindered then return hindered end
insist()
along()
if ARGV[13] == '' then redis.call('HDEL', KEYS[5], ARGV[12])
else redis.call('HSET', KEYS[5], ARGV[12], ARGV[13]) end
changed(ARGV[15])
return ${DONE}`);

/** Only what comes along. */
export const APPEND = change(`
local hindered = hindrance()
if hindered then return hindered end
along()
return ${DONE}`);
