-- wrk: POST the lines of a file in turn, from a given line on, and print the findings as one line of JSON.
-- A line is a body, or a path, a space and a body.
-- Arguments after `--`: the file, the line to begin with.
local requests, next_one = {}, 0

function init(arguments)
    for line in io.lines(arguments[1]) do
        local path, body = line:match("^(/%S*) (.*)$")
        requests[#requests + 1] = wrk.format("POST", path, nil, body or line)
    end
    next_one = tonumber(arguments[2]) % #requests
end

function request()
    next_one = next_one % #requests + 1
    return requests[next_one]
end

function done(summary, latency, _)
    local failed = summary.errors
    local told = {
        requests = summary.requests,
        seconds = summary.duration / 1e6,
        p50_ms = latency:percentile(50) / 1e3,
        p95_ms = latency:percentile(95) / 1e3,
        p99_ms = latency:percentile(99) / 1e3,
        max_ms = latency.max / 1e3,
        refused = failed.status,
        broken = failed.connect + failed.read + failed.write + failed.timeout,
    }
    local fields = {}
    for name, value in pairs(told) do
        fields[#fields + 1] = string.format("%q:%.6g", name, value)
    end
    io.write("findings {" .. table.concat(fields, ",") .. "}\n")
end
