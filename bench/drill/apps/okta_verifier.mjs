// @okta/jwt-verifier on Express.
import express from "express";
import OktaJwtVerifier from "@okta/jwt-verifier";

const [port, jwksUri, issuer, audience] = process.argv.slice(2);
const verifier = new OktaJwtVerifier({ issuer, jwksUri, cacheMaxAge: 2000, testing: { disableHttpsCheck: true } });
const app = express();
app.get("/me", async (request, response) => {
  try {
    await verifier.verifyAccessToken((request.headers.authorization ?? "").replace(/^bearer /i, ""), audience);
    response.send("welcome");
  } catch {
    response.status(401).set("WWW-Authenticate", "Bearer").end();
  }
});
app.listen(Number(port), "127.0.0.1");
