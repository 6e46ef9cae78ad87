// Verifies each token on stdin by jose, and says on stdout whose it is, or why not: one line of JSON each.
import { createInterface } from "node:readline";
import { createRemoteJWKSet, jwtVerify } from "jose";

const [jwksUri, issuer, audience] = process.argv.slice(2);
const keys = createRemoteJWKSet(new URL(jwksUri));

for await (const token of createInterface({ input: process.stdin })) {
  const said = await jwtVerify(token, keys, { issuer, audience }).then(
    ({ payload }) => ({ sub: payload.sub }),
    ({ code, message }) => ({ refused: code ?? message }),
  );
  console.log(JSON.stringify(said));
}
