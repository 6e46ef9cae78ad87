# json-jwt on WEBrick: it leaves fetching to its users, who keep the keys for two seconds.
require "json/jwt"
require "net/http"
require "webrick"

port, jwks_uri, issuer, audience = ARGV
held, at = nil, -10.0
keys = lambda do
  now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  at, held = now, JSON::JWK::Set.new(JSON.parse(Net::HTTP.get(URI(jwks_uri)))) if held.nil? || now - at > 2
  held
end
honest = lambda do |claims|
  now = Time.now.to_i
  claims[:iss] == issuer && Array(claims[:aud]).include?(audience) && claims[:exp].to_i > now && claims[:nbf].to_i <= now
end

server = WEBrick::HTTPServer.new(Port: port.to_i, BindAddress: "127.0.0.1", AccessLog: [], Logger: WEBrick::Log.new(File::NULL))
server.mount_proc("/me") do |request, response|
  token = request["Authorization"].to_s.sub(/\Abearer /i, "")
  held_now = keys.call
  raise JSON::JWT::VerificationFailed unless honest.call(JSON::JWT.decode(token, held_now, [:RS256]))
  response.body = "welcome"
rescue JSON::JWT::Exception
  response.status, response["WWW-Authenticate"] = 401, "Bearer"
end
trap("TERM") { server.shutdown }
server.start
