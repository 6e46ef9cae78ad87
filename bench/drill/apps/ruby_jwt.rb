# ruby-jwt with its own loader for key sets, on WEBrick; its README's cache, for two seconds.
require "json"
require "jwt"
require "net/http"
require "webrick"

port, jwks_uri, issuer, audience = ARGV
held, at = nil, -10.0
loader = lambda do |options|
  now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  held = nil if options[:kid_not_found] && now - at > 2 || now - at > 2
  at, held = now, JSON.parse(Net::HTTP.get(URI(jwks_uri))) if held.nil?
  held
end

server = WEBrick::HTTPServer.new(Port: port.to_i, BindAddress: "127.0.0.1", AccessLog: [], Logger: WEBrick::Log.new(File::NULL))
server.mount_proc("/me") do |request, response|
  token = request["Authorization"].to_s.sub(/\Abearer /i, "")
  JWT.decode(token, nil, true, algorithms: ["RS256"], jwks: loader, iss: issuer, verify_iss: true, aud: audience, verify_aud: true)
  response.body = "welcome"
rescue JWT::DecodeError
  response.status, response["WWW-Authenticate"] = 401, "Bearer"
end
trap("TERM") { server.shutdown }
server.start
