// One route that takes tokens bound by DPoP, for bench/elsewhere.py. Prints its port, and ends with its input.
//
//     node bound.mjs ISSUER AUDIENCE

import { readFileSync } from "node:fs";
import express from "express";
import { auth } from "express-oauth2-jwt-bearer";

const [issuerBaseURL, audience] = process.argv.slice(2);
const installed = new URL("node_modules/express-oauth2-jwt-bearer/package.json", import.meta.url);
const app = express();
app.use(auth({ issuerBaseURL, audience }));
app.use((_, response) => response.send("welcome"));
app.use((error, _request, response, _next) => response.status(error.status ?? 500).send(error.name));
const server = app.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ port: server.address().port, version: JSON.parse(readFileSync(installed)).version }));
});
process.stdin.resume().on("end", () => process.exit());
