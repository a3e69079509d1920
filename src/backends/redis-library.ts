/**
 * The Lua that several scripts of redis-scripts.ts begin with: holders, and the queue of those who wait.
 *
 * Who waits has a place in the queue, which lapses unless it tries again. Whatever makes room tells the first in the
 * queue to try, by a message to its client, or as many of them as there is room for. Nobody hears it: the next one is
 * told. In strict order nobody passes a place that lives. Otherwise who comes may take what is free before the one who
 * was told gets it, but no reader passes a writer, and nobody passes a queue whose first waits for PATIENCE already,
 * unless that one was told to try and did not for TARDY.
 */

/** In ms. A place outlives several tries of its waiter, who tries at least every 900 ms. */
export const PLACE = 2000;
export const STRICT_PLACE = 4000;
/** Of one in strict order whom no message reaches: dead, or busy connecting again. */
const UNREACHABLE = 1000;
/** As long as a process keeps a lock for its own tasks by default: it shall not keep it twice past one who waits. */
export const PATIENCE = 10;
export const TARDY = 200;

/**
 * Takes a token from the counter. A token is a moment, in 1/2^20 s about; between two moments of 16 ms it is counted up,
 * far slower than the clock runs. A Lua number is a double, and holds it exactly, but `..` would cut it.
 */
export const nextToken = (counter: string): string => `
local token, time = redis.call('INCR', ${counter}), redis.call('TIME')
if token <= time[1] * 1048576 + time[2] - time[2] % 16384 then
  token = time[1] * 1048576 + time[2]
  redis.call('SET', ${counter}, string.format('%.0f', token))
end
`;

/** What all but the shortest ways need. */
export const library: string = `
local call = redis.call
local time = call('TIME')
local us = time[1] * 1000000 + time[2]
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
