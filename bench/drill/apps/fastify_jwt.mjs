// @fastify/jwt with get-jwks, as the latter's README joins them.
import Fastify from "fastify";
import fastifyJwt from "@fastify/jwt";
import buildGetJwks from "get-jwks";

const [port, jwksUri, issuer, audience] = process.argv.slice(2);
const { origin, pathname } = new URL(jwksUri);
const getJwks = buildGetJwks({ ttl: 2000, jwksPath: pathname.slice(1), issuersWhitelist: [origin] });
const app = Fastify();
await app.register(fastifyJwt, {
  decode: { complete: true },
  secret: (_, token) => getJwks.getPublicKey({ kid: token.header.kid, domain: origin, alg: token.header.alg }),
  verify: { allowedAud: audience, allowedIss: issuer, algorithms: ["RS256"] },
});
app.get("/me", { onRequest: (request) => request.jwtVerify() }, () => "welcome");
await app.listen({ port: Number(port), host: "127.0.0.1" });
