-- wrk script: signed deliveries with distinct ids, as many as go through.
--
--   wrk -t1 -c64 -d10s -s tests/bench/intake.lua http://127.0.0.1:8080/hooks/github -- BODY_FILE SIGNATURE [PREFIX]
--
-- BODY_FILE holds the JSON of an `issues.labeled` event. SIGNATURE is `sha256=` and the hexadecimal HMAC-SHA256 of its bytes
-- under the webhook's secret:  printf 'sha256='; openssl dgst -sha256 -hmac SECRET -r BODY_FILE | cut -d' ' -f1
-- The id is a header and so is not signed: one signature serves all requests. PREFIX (eight hexadecimal digits) keeps the
-- ids of several runs on one ledger apart. The last lines of the output are for programs:
--   stored PER_SECOND, accepted COUNT (answers with 2xx), p99 MILLISECONDS,
--   refused COUNT (other answers, and broken connections)

local threads = 0

function setup(thread)
   thread:set("number", threads)
   threads = threads + 1
end

function init(args)
   local file = assert(io.open(args[1], "rb"))
   local body = file:read("*a")
   file:close()
   prefix = args[3] or string.format("%08x", os.time())
   count = 0
   -- The request is put together once; only the id is filled in. The twelve last digits count, the ones before them are
   -- spread as in real ids, so that a server's index meets them in no order.
   local head = table.concat({
      wrk.method == "GET" and "POST" or wrk.method, " ", wrk.path, " HTTP/1.1\r\n",
      "Host: ", wrk.host, ":", wrk.port or "80", "\r\n",
      "User-Agent: GitHub-Hookshot/044aadd\r\n",
      "Accept: */*\r\n",
      "Content-Type: application/json\r\n",
      "X-GitHub-Event: issues\r\n",
      "X-GitHub-Hook-ID: 458273645\r\n",
      "X-GitHub-Hook-Installation-Target-ID: 79929171\r\n",
      "X-GitHub-Hook-Installation-Target-Type: repository\r\n",
      "X-Hub-Signature-256: ", args[2], "\r\n",
      "Content-Length: ", tostring(#body), "\r\n",
      "X-GitHub-Delivery: ",
   })
   before, after = head, "\r\n\r\n" .. body
end

function request()
   count = count + 1
   local spread = (count * 2654435761) % 4294967296
   return before .. string.format("%08x-%s-%04x-%012x", spread, prefix:sub(1, 4) .. "-" .. prefix:sub(5, 8), number, count) .. after
end

function done(summary, latency, requests)
   local errors = summary.errors
   local refused = errors.status + errors.connect + errors.read + errors.write + errors.timeout
   io.write(string.format("stored %.0f\n", (summary.requests - errors.status) / summary.duration * 1e6))
   io.write(string.format("accepted %d\n", summary.requests - errors.status))
   io.write(string.format("p99 %.2f\n", latency:percentile(99) / 1000))
   io.write(string.format("refused %d\n", refused))
end
