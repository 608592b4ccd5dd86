-- Requests for wrk. Arguments: file of keys, file of paths, method, bytes of the body, order of the keys (random, once).
-- Every request is formatted beforehand, so that wrk stays cheap; with large bodies there are fewer of them.
local BUDGET = 64 * 1024 * 1024
local requests = {}
local last = 0
local in_turn = false

init = function(args)
  math.randomseed(os.time())
  local paths = {}
  for path in io.lines(args[2]) do paths[#paths + 1] = path end
  local size = tonumber(args[4])
  local body = size > 0 and string.rep("x", size) or nil
  local most = math.max(4, math.floor(BUDGET / (size + 1)))
  in_turn = args[5] == "once"
  for key in io.lines(args[1]) do
    if size > 0 and #requests >= most then break end
    local path = paths[#requests % #paths + 1]
    local headers = { Authorization = "Bearer " .. key }
    if body then headers["Content-Type"] = "application/octet-stream" end
    requests[#requests + 1] = wrk.format(args[3], path, headers, body)
  end
end

request = function()
  if not in_turn then return requests[math.random(#requests)] end
  last = last % #requests + 1
  return requests[last]
end

done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format("result %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
