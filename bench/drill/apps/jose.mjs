// jose on node:http: each of its own errors but a timeout is a refusal.
import { createServer } from "node:http";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";

const [port, jwksUri, issuer, audience] = process.argv.slice(2);
const keys = createRemoteJWKSet(new URL(jwksUri), { cacheMaxAge: 2000 });
createServer(async (request, response) => {
  const token = (request.headers.authorization ?? "").replace(/^bearer /i, "");
  try {
    await jwtVerify(token, keys, { issuer, audience, algorithms: ["RS256"] });
    response.end("welcome");
  } catch (error) {
    const refused = error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout) && error.code !== "ERR_JOSE_GENERIC";
    response.writeHead(refused ? 401 : 503, refused ? { "WWW-Authenticate": "Bearer" } : {}).end();
  }
}).listen(Number(port), "127.0.0.1");
