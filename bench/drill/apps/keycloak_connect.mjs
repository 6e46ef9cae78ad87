// keycloak-connect as a bearer-only client on Express.
import express from "express";
import Keycloak from "keycloak-connect";

const [port, , issuer, audience] = process.argv.slice(2);
const [base, realm] = issuer.split("/realms/");
const keycloak = new Keycloak({}, {
  "auth-server-url": `${base}/`, realm, resource: audience, "bearer-only": true, "verify-token-audience": true,
  "min-time-between-jwks-requests": 2, "ssl-required": "none",
});
const app = express();
app.use(keycloak.middleware());
app.get("/me", keycloak.protect(), (_, response) => response.send("welcome"));
app.listen(Number(port), "127.0.0.1");
