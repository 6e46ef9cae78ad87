// express-jwt with jwks-rsa on Express.
import express from "express";
import { expressjwt } from "express-jwt";
import jwksRsa from "jwks-rsa";

const [port, jwksUri, issuer, audience] = process.argv.slice(2);
const app = express();
const secret = jwksRsa.expressJwtSecret({ cache: true, cacheMaxAge: 2000, rateLimit: true, jwksRequestsPerMinute: 60, jwksUri });
app.get("/me", expressjwt({ secret, audience, issuer, algorithms: ["RS256"] }), (_, response) => response.send("welcome"));
app.listen(Number(port), "127.0.0.1");
