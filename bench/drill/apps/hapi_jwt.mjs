// @hapi/jwt on hapi, with the key set's URL as its page has it. It fetches the keys once, at the start.
import Hapi from "@hapi/hapi";
import Jwt from "@hapi/jwt";

const [port, jwksUri, issuer, audience] = process.argv.slice(2);
const server = Hapi.server({ host: "127.0.0.1", port: Number(port) });
await server.register(Jwt);
server.auth.strategy("jwt", "jwt", {
  keys: { uri: jwksUri, algorithms: ["RS256"] },
  verify: { aud: audience, iss: issuer, sub: false, nbf: true, exp: true },
  validate: () => ({ isValid: true }),
});
server.route({ method: "GET", path: "/me", options: { auth: "jwt" }, handler: () => "welcome" });
await server.start();
