// fastify-jwt-jwks.
import Fastify from "fastify";
import fastifyJwtJwks from "fastify-jwt-jwks";

const [port, jwksUrl, issuer, audience] = process.argv.slice(2);
const app = Fastify();
await app.register(fastifyJwtJwks, { jwksUrl, issuer, audience, secretsTtl: 2000 });
app.get("/me", { preValidation: app.authenticate }, () => "welcome");
await app.listen({ port: Number(port), host: "127.0.0.1" });
