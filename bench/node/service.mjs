// A small service for bench/drill.py: one route that wants a token, verified as each library's users do it.
//
//     node service.mjs NAME PORT ISSUER AUDIENCE JWKS_URI LIFE

import { createServer } from "node:http";
import { JwtVerifier } from "aws-jwt-verify";
import express from "express";
import { auth } from "express-oauth2-jwt-bearer";
import { createRemoteJWKSet, jwtVerify } from "jose";

const [name, port, issuer, audience, jwksUri, life] = process.argv.slice(2);
const milliseconds = Number(life) * 1000;

function plain(verify) {
  return createServer(async (request, response) => {
    const [, token] = /^Bearer (.*)$/i.exec(request.headers.authorization ?? "") ?? [];
    try {
      if (token === undefined) throw new Error("no token");
      await verify(token);
      response.writeHead(200).end("welcome");
    } catch {
      response.writeHead(401, { "www-authenticate": "Bearer" }).end("refused");
    }
  });
}

const MAKERS = {
  jose() {
    const keys = createRemoteJWKSet(new URL(jwksUri), { cacheMaxAge: milliseconds });
    return plain((token) => jwtVerify(token, keys, { issuer, audience, algorithms: ["RS256"] }));
  },
  "aws-jwt-verify"() {
    const verifier = JwtVerifier.create({ issuer, audience, jwksUri });
    return plain((token) => verifier.verify(token));
  },
  "express-oauth2-jwt-bearer"() {
    const app = express();
    app.use(auth({ issuerBaseURL: issuer, audience, cacheMaxAge: milliseconds }));
    app.get("/me", (_, response) => response.send("welcome"));
    app.use((error, _request, response, _next) => response.status(error.status ?? 500).end());
    return createServer(app);
  },
};

MAKERS[name]().listen(Number(port), "127.0.0.1");
