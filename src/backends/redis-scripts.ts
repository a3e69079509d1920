/**
 * What Redis does, in Lua: each step of the driver is one script. All that depends on time goes by the server's clock.
 *
 * Records (redis-keys.ts says what they are called)
 * - `record`: "token id" of an exclusive holder without an owner, the common case: it has two short scripts of its own
 *   (TAKE, GIVE), which do nothing if anybody else is there, or waits. It lapses by its own expiry.
 * - `holders`: all others; id -> the ms of its lapse. `infos`: ":id" -> "token units shared owner"; "permits" in all,
 *   "used" units, "writers": how many do not share. Both expire with the last holder.
 * - `queue`: id -> its arrival in us. `places`: ":id" -> "until shared units permits fifo channel"; "strict": until when
 *   somebody waits in strict order; "head" and "since": who was told last to try as the first of the queue, and when.
 *
 * Invariants
 * - There is a record, or there are holders, never both.
 * - Holders all share, or present one owner, or their units fit into the permits.
 * - A token is larger than all that were given before under the same number. It goes by the clock, and never back: so
 *   tokens grow even over the loss of all data, or of the last ones in a failover, as long as the clock is right.
 */
import { createHash } from 'node:crypto';
import { library, nextToken, PATIENCE, PLACE, STRICT_PLACE, TARDY } from './redis-library.js';

export interface Script {
  readonly lua: string;
  readonly sha: string;
}

/** By one who can have nobody beside it. KEYS: record, holders, queue, counter. ARGV: id, ttl. The token, or 0. */
export const TAKE: Script = script(`
if redis.call('EXISTS', KEYS[1], KEYS[2], KEYS[3]) > 0 then return 0 end
${nextToken('KEYS[4]')}
redis.call('SET', KEYS[1], string.format('%.0f %s', token, ARGV[1]), 'PX', ARGV[2])
return token
`);

/** Of what TAKE has taken. KEYS: record, queue. ARGV: "token id". 2: somebody waits, nothing was done. */
export const GIVE: Script = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if redis.call('EXISTS', KEYS[2]) == 1 then return 2 end
redis.call('DEL', KEYS[1])
return 1
`);

/**
 * ARGV: id, ttl, 1 if nobody can be beside it; "shared fifo cluster units permits channel", without a channel if it does
 * not wait; the owner, if there is one, behind a character, because nobody is no owner.
 *
 * Answers "t" and the token; or "w" and in how many ms to try again at the latest; or "p" and the permits of the holders.
 */
export const ACQUIRE: Script = script(`
${library}
local id, ttl, alone, owner = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[5]
local shared, fifo, cluster, units, permits, channel = string.match(ARGV[4], '^(%d) (%d) (%d) (%d+) (%d+) (.*)$')
shared, fifo, units, permits = shared == '1', fifo == '1', tonumber(units), tonumber(permits)

local function refuse(left)
  if channel == '' then return 'w' .. left end
  local life = fifo and ${STRICT_PLACE} or ${PLACE}
  if not call('ZSCORE', QUEUE, id) then
    local last = tonumber(call('ZREVRANGE', QUEUE, 0, 0, 'WITHSCORES')[2]) or 0
    call('ZADD', QUEUE, string.format('%.0f', math.max(us, last + 1)), id)
  elseif call('HGET', PLACES, 'head') == id then
    call('HDEL', PLACES, 'head')
  end
  describe({ id = id, shared = shared, units = units, permits = permits, fifo = fifo, channel = channel }, ms + life)
  if fifo then call('HSET', PLACES, 'strict', ms + life) end
  call('PEXPIRE', QUEUE, ${STRICT_PLACE})
  call('PEXPIRE', PLACES, ${STRICT_PLACE})
  -- The first is there when it lapses; the others come one after the other, in case that the first is dead.
  return 'w' .. left + 20 * call('ZRANK', QUEUE, id)
end

-- Whether the first was told to try after that moment, and did not yet.
local function told(moment)
  return call('HGET', PLACES, 'head') == call('ZRANGE', QUEUE, 0, 0)[1] and number(PLACES, 'since') > moment
end

-- Whom it must not pass.
local function before()
  local head = placeAt(0)
  if not head or head.id == id then return nil end
  local strict = fifo or number(PLACES, 'strict') > ms
  if not strict then
    if told(0) and not told(ms - ${TARDY}) then return nil end
    if not shared and us - head.arrival < ${PATIENCE * 1000} then return nil end
  end
  local position = 0
  while true do
    local place = placeAt(position)
    if not place or place.id == id then return nil end
    if not (shared and place.shared) then return place end
    position = position + 1
  end
end

local record = call('GET', RECORD)
if record then
  local token, holder = string.match(record, '^(%d+) (.*)$')
  if holder == id then
    call('PEXPIRE', RECORD, ttl)
    leaveQueue(id)
    return 't' .. token
  end
  if permits > 1 then return 'p1' end
  return refuse(math.max(0, call('PTTL', RECORD)))
end

sweep()
local mine = call('HGET', INFOS, ':' .. id)
if mine then
  call('ZADD', HOLDERS, ms + ttl, id)
  expire()
  leaveQueue(id)
  return 't' .. string.match(mine, '^%d+')
end

-- The token of the same owner.
local given
if call('EXISTS', HOLDERS) == 1 then
  local inUse = number(INFOS, 'permits')
  if inUse ~= permits then
    leaveQueue(id)
    return 'p' .. inUse
  end
  local fits
  if permits > 1 then
    fits = number(INFOS, 'used') + units <= permits
  else
    fits = shared and number(INFOS, 'writers') == 0
    -- Beside whom all the others are the same owner's.
    local others = false
    if owner then
      for _, holder in ipairs(call('ZRANGE', HOLDERS, 0, -1)) do
        local theirs, whose = string.match(call('HGET', INFOS, ':' .. holder) or '', '^(%d+) %d+ %d (.*)$')
        if whose == owner then given = theirs else others = true end
      end
      fits = fits or not others
    end
  end
  if not fits then return refuse(call('ZRANGE', HOLDERS, 0, 0, 'WITHSCORES')[2] - ms) end
end
if not given then
  local place = before()
  if place then
    -- The first may not have heard that it could go in, or it is dead.
    if not told(ms - ${TARDY}) then wake(cluster) end
    return refuse(math.max(0, place.lapse - ms))
  end
end
if not given then
  ${nextToken('KEYS[6]')}
  given = string.format('%.0f', token)
end
leaveQueue(id)
if alone then
  call('SET', RECORD, given .. ' ' .. id, 'PX', ttl)
else
  call('ZADD', HOLDERS, ms + ttl, id)
  call('HSET', INFOS, 'permits', permits, ':' .. id, string.format('%s %d %d ', given, units, shared and 1 or 0) .. (owner or ''))
  call('HINCRBY', INFOS, 'used', units)
  call('HINCRBY', INFOS, 'writers', shared and 0 or 1)
  expire()
  wake(cluster)
end
return 't' .. given
`);

/** Of who holds it alone. 2: nobody waits. */
export const RELEASE: Script = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
if redis.call('EXISTS', KEYS[4]) == 0 then return 2 end
${library}
wake(ARGV[2])
return 1
`);

export const RENEW: Script = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`);

/** Of one among holders. */
export const LEAVE: Script = script(`
${library}
sweep()
if not call('ZSCORE', HOLDERS, ARGV[1]) then return 0 end
leave(ARGV[1])
wake(ARGV[2])
return 1
`);

export const STAY: Script = script(`
${library}
sweep()
if not call('ZSCORE', HOLDERS, ARGV[1]) then return 0 end
call('ZADD', HOLDERS, ms + ARGV[2], ARGV[1])
expire()
return 1
`);

export const FORGET: Script = script(`
${library}
local record = call('GET', RECORD)
if record and string.match(record, '^%d+ (.*)$') == ARGV[1] then call('DEL', RECORD) end
if call('ZSCORE', HOLDERS, ARGV[1]) then leave(ARGV[1]) end
leaveQueue(ARGV[1])
wake(ARGV[2])
return 1
`);

export const BREAK: Script = script(`
${library}
sweep()
local held = call('DEL', RECORD, HOLDERS)
call('DEL', INFOS)
wake(ARGV[1])
return held
`);

/** Answers id, token, shared, units and the ms left of each holder, all in one row. */
export const INSPECT: Script = script(`
${library}
local record = call('GET', RECORD)
if record then
  local token, id = string.match(record, '^(%d+) (.*)$')
  return { id, token, '0', '1', tostring(call('PTTL', RECORD)) }
end
local row = {}
local holders = call('ZRANGE', HOLDERS, 0, -1, 'WITHSCORES')
for i = 1, #holders, 2 do
  local info = call('HGET', INFOS, ':' .. holders[i])
  if info and tonumber(holders[i + 1]) > ms then
    local token, units, shared = string.match(info, '^(%d+) (%d+) (%d)')
    for _, value in ipairs({ holders[i], token, shared, units, tostring(holders[i + 1] - ms) }) do
      table.insert(row, value)
    end
  end
end
return row
`);

function script(lua: string): Script {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') };
}
