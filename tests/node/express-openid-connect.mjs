// The quick start of express-openid-connect. Says its port on stdout, and ends with stdin.
import express from "express";
import { createServer } from "node:http";
import openid from "express-openid-connect";

const [issuerBaseURL, response_type] = process.argv.slice(2);
const app = express();
const server = createServer(app).listen(0, "127.0.0.1", () => {
  const baseURL = `http://127.0.0.1:${server.address().port}`;
  const more = response_type ? { clientSecret: "any", authorizationParams: { response_type } } : {};
  app.use(openid.auth({
    issuerBaseURL, baseURL, clientID: "shop", secret: "a long, randomly-generated string stored in env", idpLogout: true,
    httpTimeout: 60_000, ...more,
  }));
  app.get("/", (request, response) => response.json({ sub: request.oidc.user?.sub, out: !request.oidc.isAuthenticated() }));
  console.log(server.address().port);
});
process.stdin.resume().on("end", () => process.exit());
