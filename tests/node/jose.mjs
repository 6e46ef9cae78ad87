// Verifies each token on stdin by jose, and says on stdout whose it is, or why not: one line of JSON each.
import { createInterface } from "node:readline";
import { createRemoteJWKSet, jwtVerify } from "jose";

const [jwksUri, issuer, audience] = process.argv.slice(2);
// A machine that is slow in this minute has it ask no sooner for keys again, and give up no sooner.
const keys = createRemoteJWKSet(new URL(jwksUri), { cooldownDuration: 600_000, timeoutDuration: 60_000 });

for await (const token of createInterface({ input: process.stdin })) {
  const said = await jwtVerify(token, keys, { issuer, audience }).then(
    ({ payload }) => ({ sub: payload.sub }),
    ({ code, message }) => ({ refused: code ?? message }),
  );
  console.log(JSON.stringify(said));
}
