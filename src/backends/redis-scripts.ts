/**
 * What Redis does, in Lua: each step of the driver is one script. All that depends on time goes by the server's clock.
 *
 * Records (redis-keys.ts says what they are called)
 * - `record`: "token id" of an exclusive holder without an owner, the common case: it has scripts of its own that touch
 *   nothing else as long as nobody waits. It lapses by its own expiry.
 * - `holders`: all others; id -> the ms of its lapse. `infos`: ":id" -> "token units shared owner"; "permits" in all,
 *   "used" units, "writers": how many do not share. Both expire with the last holder.
 * - `queue`: id -> its arrival in us. `places`: ":id" -> "until shared units permits fifo channel"; "strict": until when
 *   somebody waits in strict order; "head" and "since": who was told last to try as the first of the queue, and when.
 *
 * Invariants
 * - There is a record, or there are holders, never both.
 * - Holders all share, or present one owner, or their units fit into the permits.
 * - A token is larger than all that were given before under the same number: the time in us or, should the clock not
 *   have moved on, the last one and one more. So they grow even over the loss of all data or a failover to a replica
 *   that has not got the last ones, as long as the clock is right.
 *
 * Who waits has a place in the queue, which lapses unless it tries again. Whatever makes room tells the first in the
 * queue to try, by a message to its client, or as many of them as there is room for. Nobody hears it: the next one is
 * told. In strict order nobody passes a place that lives. Otherwise who comes may take what is free before the one who
 * was told gets it, but no reader passes a writer, and nobody passes a queue whose first waits for PATIENCE already,
 * unless that one was told to try and did not for TARDY.
 */
import { createHash } from 'node:crypto';

export interface Script {
  readonly lua: string;
  readonly sha: string;
}

/** In ms. A place outlives several tries of its waiter, who tries at least every 900 ms. */
const PLACE = 2000;
const STRICT_PLACE = 4000;
/** Of one in strict order whom no message reaches: dead, or busy connecting again. */
const UNREACHABLE = 1000;
const PATIENCE = 100;
const TARDY = 200;

// Its first value would be 1 if Redis had lost its data. That is why it goes by the clock.
const nextToken = `
local t = redis.call('TIME')
local us = t[1] * 1000000 + t[2]
local function nextToken(counter)
  local token = string.format('%.0f', math.max(us, (tonumber(redis.call('GET', counter)) or 0) + 1))
  redis.call('SET', counter, token)
  return token
end
`;

/** What all but the shortest ways need. A Lua number is a double: \`..\` would cut one of us, so it never sees any. */
const library = `
local call = redis.call
local RECORD, HOLDERS, INFOS, QUEUE, PLACES = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local ms = math.floor(us / 1000)

local function number(key, field)
  return tonumber(call('HGET', key, field)) or 0
end

local function leave(id)
  local info = call('HGET', INFOS, ':' .. id)
  call('ZREM', HOLDERS, id)
  if info then
    local units, shared = string.match(info, '^%d+ (%d+) (%d)')
    call('HDEL', INFOS, ':' .. id)
    call('HINCRBY', INFOS, 'used', -units)
    if shared == '0' then call('HINCRBY', INFOS, 'writers', -1) end
  end
  if call('EXISTS', HOLDERS) == 0 then call('DEL', INFOS) end
end

local function sweep()
  for _, id in ipairs(call('ZRANGEBYSCORE', HOLDERS, '-inf', ms)) do leave(id) end
end

local function expire()
  local last = call('ZREVRANGE', HOLDERS, 0, 0, 'WITHSCORES')[2]
  if last then
    call('PEXPIREAT', HOLDERS, last)
    call('PEXPIREAT', INFOS, last)
  end
end

local function leaveQueue(id)
  if call('ZREM', QUEUE, id) == 0 then return end
  call('HDEL', PLACES, ':' .. id)
  if call('EXISTS', QUEUE) == 0 then call('DEL', PLACES) end
end

-- The living place at this position; lapsed ones are thrown away.
local function placeAt(position)
  while true do
    local found = call('ZRANGE', QUEUE, position, position, 'WITHSCORES')
    local id = found[1]
    if not id then return nil end
    local place = call('HGET', PLACES, ':' .. id) or '0 0 0 0 0 '
    local lapse, shared, units, permits, fifo, channel = string.match(place, '^(%d+) (%d) (%d+) (%d+) (%d) (.*)$')
    if tonumber(lapse) > ms then
      return { id = id, arrival = tonumber(found[2]), lapse = tonumber(lapse), shared = shared == '1',
        units = tonumber(units), permits = tonumber(permits), fifo = fifo == '1', channel = channel }
    end
    leaveQueue(id)
  end
end

local function describe(place, lapse)
  local flags = string.format('%.0f %d %d %d %d ', lapse, place.shared and 1 or 0, place.units, place.permits,
    place.fifo and 1 or 0)
  call('HSET', PLACES, ':' .. place.id, flags .. place.channel)
end

-- Tells those of the queue to try for whom there is room. In a cluster the number of receivers counts one node's only.
local function wake(cluster)
  if call('EXISTS', QUEUE) == 0 or call('EXISTS', RECORD) == 1 then return end
  sweep()
  local inside, used, writers = call('ZCARD', HOLDERS), number(INFOS, 'used'), number(INFOS, 'writers')
  local position = 0
  while true do
    local place = placeAt(position)
    if not place then return end
    if inside > 0 then
      if place.permits > 1 then
        if used + place.units > place.permits then return end
      elseif writers > 0 or not place.shared then
        return
      end
    end
    local heard = redis.pcall('PUBLISH', place.channel, place.id)
    if cluster == '1' or type(heard) ~= 'number' or heard > 0 then
      if position == 0 and call('HGET', PLACES, 'head') ~= place.id then
        call('HSET', PLACES, 'head', place.id, 'since', ms)
      end
      inside, used = inside + 1, used + place.units
      if not place.shared then writers = writers + 1 end
      position = position + 1
    elseif place.fifo then
      describe(place, math.min(place.lapse, ms + ${UNREACHABLE}))
      position = position + 1
    else
      leaveQueue(place.id)
    end
  end
end
`;

/**
 * Answers "t" and the token; or "w" and in how many ms to try again at the latest; or "p" and the permits of the holders.
 */
export const ACQUIRE: Script = script(`
local id, ttl, alone, channel, fifo = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[4], ARGV[5] == '1'
${nextToken}
if alone and redis.call('EXISTS', KEYS[1], KEYS[2], KEYS[4]) == 0 then
  local token = nextToken(KEYS[6])
  redis.call('SET', KEYS[1], token .. ' ' .. id, 'PX', ttl)
  return 't' .. token
end
${library}
-- Of one alone that does not wait, nothing more is said.
local shared, units, permits = ARGV[6] == '1', tonumber(ARGV[7] or 1), tonumber(ARGV[8] or 1)
local owner, cluster = ARGV[9] or '', ARGV[10] or '0'

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

-- Whom it must not pass.
local function before()
  local head = placeAt(0)
  if not head or head.id == id then return nil end
  local strict = fifo or number(PLACES, 'strict') > ms
  if not strict then
    if call('HGET', PLACES, 'head') == head.id and ms - number(PLACES, 'since') > ${TARDY} then return nil end
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

local token
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
    if owner ~= '' then
      for _, holder in ipairs(call('ZRANGE', HOLDERS, 0, -1)) do
        local theirs, whose = string.match(call('HGET', INFOS, ':' .. holder) or '', '^(%d+) %d+ %d (.*)$')
        if whose == owner then token = theirs else others = true end
      end
      fits = fits or not others
    end
  end
  if not fits then return refuse(call('ZRANGE', HOLDERS, 0, 0, 'WITHSCORES')[2] - ms) end
end
if not token then
  local place = before()
  if place then
    -- It may not have heard that it could go in.
    wake(cluster)
    return refuse(math.max(0, place.lapse - ms))
  end
  token = nextToken(KEYS[6])
end
leaveQueue(id)
if alone then
  call('SET', RECORD, token .. ' ' .. id, 'PX', ttl)
else
  call('ZADD', HOLDERS, ms + ttl, id)
  call('HSET', INFOS, 'permits', permits, ':' .. id, string.format('%s %d %d ', token, units, shared and 1 or 0) .. owner)
  call('HINCRBY', INFOS, 'used', units)
  call('HINCRBY', INFOS, 'writers', shared and 0 or 1)
  expire()
  wake(cluster)
end
return 't' .. token
`);

/** Of who holds it alone. The common case ends before the library begins. */
export const RELEASE: Script = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
if redis.call('EXISTS', KEYS[4]) == 0 then return 1 end
${nextToken}${library}
wake(ARGV[2])
return 1
`);

export const RENEW: Script = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`);

/** Of one among holders. */
export const LEAVE: Script = script(`
${nextToken}${library}
sweep()
if not call('ZSCORE', HOLDERS, ARGV[1]) then return 0 end
leave(ARGV[1])
wake(ARGV[2])
return 1
`);

export const STAY: Script = script(`
${nextToken}${library}
sweep()
if not call('ZSCORE', HOLDERS, ARGV[1]) then return 0 end
call('ZADD', HOLDERS, ms + ARGV[2], ARGV[1])
expire()
return 1
`);

export const FORGET: Script = script(`
${nextToken}${library}
local record = call('GET', RECORD)
if record and string.match(record, '^%d+ (.*)$') == ARGV[1] then call('DEL', RECORD) end
if call('ZSCORE', HOLDERS, ARGV[1]) then leave(ARGV[1]) end
leaveQueue(ARGV[1])
wake(ARGV[2])
return 1
`);

export const BREAK: Script = script(`
${nextToken}${library}
sweep()
local held = call('DEL', RECORD, HOLDERS)
call('DEL', INFOS)
wake(ARGV[1])
return held
`);

/** Answers id, token, shared, units and the ms left of each holder, all in one row. */
export const INSPECT: Script = script(`
${nextToken}${library}
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
