// hono/jwk on @hono/node-server. It has no cache: it fetches for each request.
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { jwk } from "hono/jwk";

const [port, jwksUri, issuer, audience] = process.argv.slice(2);
const app = new Hono();
app.use("/me", jwk({ jwks_uri: jwksUri, alg: ["RS256"], verification: { iss: issuer, aud: audience } }));
app.get("/me", (context) => context.text("welcome"));
serve({ fetch: app.fetch, port: Number(port), hostname: "127.0.0.1" });
