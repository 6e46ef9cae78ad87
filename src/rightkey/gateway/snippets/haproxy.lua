-- Asks rightkey's gateway whether a request may pass. HAProxy has no forward auth of its own.
local GATEWAY = "http://127.0.0.1:9090/"
local PASSED_ON = { "authorization", "cookie", "dpop" }

local function refuse(txn, status, headers, body)
    local reply = txn:reply({ status = status, body = body })
    for _, name in ipairs({ "www-authenticate", "dpop-nonce", "retry-after", "content-type", "cache-control" }) do
        if headers and headers[name] then
            reply:add_header(name, headers[name][0])
        end
    end
    txn:done(reply)
end

core.register_action("rightkey", { "http-req" }, function(txn)
    local asked = {
        ["x-original-method"] = { txn.f:method() },
        ["x-original-uri"] = { txn.f:pathq() },
        ["x-original-host"] = { txn.f:req_fhdr("host") or "" },
    }
    local sent = txn.http:req_get_headers()
    for _, name in ipairs(PASSED_ON) do
        for _, value in pairs(sent[name] or {}) do
            asked[name] = asked[name] or {}
            table.insert(asked[name], value)
        end
    end
    -- What a client sends under these names, or under names that some services take for them.
    for name in pairs(sent) do
        if name:lower():gsub("[_.]", "-"):sub(1, 7) == "x-auth-" then
            txn.http:req_del_header(name)
        end
    end
    local answer = core.httpclient():get({ url = GATEWAY, headers = asked, timeout = 10000 })
    if not answer or answer.status ~= 200 then
        local known = answer and ({ [400] = 1, [401] = 1, [403] = 1, [503] = 1 })[answer.status]
        return refuse(txn, known and answer.status or 503, known and answer.headers, known and answer.body)
    end
    if answer.headers["dpop-nonce"] then
        txn:set_var("txn.rightkey_nonce", answer.headers["dpop-nonce"][0])
    end
    for name, values in pairs(answer.headers) do
        if name:sub(1, 7) == "x-auth-" and values[0] ~= "" then
            txn.http:req_set_header(name, values[0])
        end
    end
end)
