// Requests with DPoP proofs, by oauth4webapi and by the package dpop, to an API that is known by one URL and listens at
// another. For each algorithm it says the key's thumbprint, reads a token that is bound to it, and says what came. Last
// openid-client gets such a token of an issuer by itself, and uses it.
import * as dpop from "dpop";
import * as oauth from "oauth4webapi";
import * as client from "openid-client";
import { createInterface } from "node:readline";

const [origin, listening, issuer] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const url = new URL(`${origin}/any?a=b`);
const sent = (to, init) => fetch(`${to}`.replace(origin, listening), init);

async function byOauth(keys, token) {
  const handle = oauth.DPoP({ client_id: "shop" }, keys);
  const ask = () => oauth.protectedResourceRequest(token, "GET", url, undefined, undefined,
    { DPoP: handle, [oauth.customFetch]: sent });
  try {
    return ["at once", (await ask()).status];
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) return [`${error.cause?.map?.((one) => one.parameters.error)}`, error.status];
    return ["by a nonce", (await ask()).status];
  }
}

async function byDpop(keys, token) {
  const statuses = [];
  let nonce;
  for (const again of [false, false, true]) {
    const proof = await dpop.generateProof(keys, `${url.origin}${url.pathname}`, "GET", nonce, token);
    const headers = { authorization: `DPoP ${token}`, dpop: proof };
    for (let times = again ? 2 : 1; times; times -= 1) {
      const answer = await sent(url, { headers });
      nonce = answer.headers.get("dpop-nonce") ?? nonce;
      statuses.push(answer.status);
    }
  }
  return statuses;
}

for (const alg of ["ES256", "Ed25519", "RS256", "PS256"]) {
  const keys = await dpop.generateKeyPair(alg);
  console.log(await dpop.calculateThumbprint(keys.publicKey));
  const { value: token } = await lines.next();
  const found = { alg, oauth4webapi: await byOauth(keys, token), dpop: await byDpop(keys, token) };
  console.log(JSON.stringify(found));
}

const config = await client.discovery(new URL(issuer), "shop", "secret", undefined,
  { execute: [client.allowInsecureRequests] });
const handle = client.getDPoPHandle(config, await client.randomDPoPKeyPair());
const asked = { audience: "https://api.example.com" };
const granted = await client.clientCredentialsGrant(config, asked, { DPoP: handle });
config[client.customFetch] = sent;
const answer = await client.fetchProtectedResource(config, granted.access_token, url, "GET", null, undefined,
  { DPoP: handle });
console.log(JSON.stringify({ type: granted.token_type, status: answer.status }));
process.exit(0);
