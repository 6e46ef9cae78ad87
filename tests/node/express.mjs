// An API by Express and express-oauth2-jwt-bearer. Says its port on stdout, and ends with stdin.
import express from "express";
import { auth, requiredScopes } from "express-oauth2-jwt-bearer";

const [issuerBaseURL, audience] = process.argv.slice(2);
const app = express();
// A machine that is slow in this minute has it ask no sooner for keys again, and give up no sooner.
const patient = { cooldownDuration: 600_000, timeoutDuration: 60_000 };
app.get("/appointments", auth({ issuerBaseURL, audience, ...patient }), requiredScopes("read:appointments"), (request, response) => {
  response.json({ sub: request.auth.payload.sub });
});
app.use((error, request, response, next) => {
  response.status(error.status ?? 500).set(error.headers ?? {}).json({ refused: error.code ?? error.message });
});

const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
server.keepAliveTimeout = 600_000;
process.stdin.resume().on("end", () => process.exit());
