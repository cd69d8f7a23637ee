-- Sends the requests of a file in turn: method, path, token, ETag, body, separated by tabs.
local requests, sent = {}, 0

function init(args)
  for line in io.lines(args[1]) do
    local method, path, token, etag, body = line:match("^(%S+)\t(%S+)\t(%S*)\t(%S*)\t(.*)$")
    local headers = { Host = "127.0.0.1" }
    if token ~= "" then headers["Authorization"] = "Bearer " .. token end
    if etag ~= "" then headers["If-None-Match"] = etag end
    if body ~= "" then headers["Content-Type"] = "application/json" else body = nil end
    requests[#requests + 1] = wrk.format(method, path, headers, body)
  end
end

function request()
  sent = sent % #requests + 1
  return requests[sent]
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '{"requests":%d,"us":%d,"p50":%d,"p99":%d,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.status, e.connect + e.read + e.write + e.timeout
  ))
end
