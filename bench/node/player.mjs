// One of npm's verifiers, for bench/players.py: a token a line on stdin, whether it is accepted on stdout.
// Many may be under way at once; a null token asks for the longest that the event loop stood still, in seconds.

import { createInterface } from "node:readline";
import { JwtVerifier } from "aws-jwt-verify";
import { createVerifier } from "fast-jwt";
import buildGetJwks from "get-jwks";
import { createRemoteJWKSet, jwtVerify } from "jose";
import jsonwebtoken from "jsonwebtoken";
import jwksRsa from "jwks-rsa";

const [name, told] = process.argv.slice(2);
const stage = JSON.parse(told);
const milliseconds = stage.life * 1000;
const expected = { issuer: stage.issuer, audience: stage.audience, algorithms: [stage.alg] };

const MAKERS = {
  jose() {
    const keys = createRemoteJWKSet(new URL(stage.jwks_uri), { cacheMaxAge: milliseconds });
    return (token) => jwtVerify(token, keys, expected);
  },
  "jwks-rsa + jsonwebtoken"() {
    const client = jwksRsa({ jwksUri: stage.jwks_uri, cacheMaxAge: milliseconds });
    const key = (header, done) =>
      client.getSigningKey(header.kid).then((found) => done(null, found.getPublicKey()), done);
    return (token) =>
      new Promise((resolve, reject) =>
        jsonwebtoken.verify(token, key, expected, (error, claims) => (error ? reject(error) : resolve(claims))));
  },
  "get-jwks + fast-jwt"() {
    const getJwks = buildGetJwks({ ttl: milliseconds });
    const domain = new URL(stage.jwks_uri).origin;
    const key = ({ header }) => getJwks.getPublicKey({ kid: header.kid, alg: header.alg, domain });
    return createVerifier({
      key, cache: false, algorithms: [stage.alg], allowedIss: stage.issuer, allowedAud: stage.audience,
    });
  },
  "aws-jwt-verify"() {
    const verifier = JwtVerifier.create({ issuer: stage.issuer, audience: stage.audience, jwksUri: stage.jwks_uri });
    return (token) => verifier.verify(token);
  },
};

const PULSE = 2;
let longest = 0;
let before = performance.now();
setInterval(() => {
  const now = performance.now();
  longest = Math.max(longest, now - before - PULSE);
  before = now;
}, PULSE);

const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");
const verify = MAKERS[name]();
const accepts = async (token) => {
  try {
    await verify(token);
    return true;
  } catch {
    return false;
  }
};
say({ at: null, is: true });
createInterface({ input: process.stdin }).on("line", async (line) => {
  const { at, token } = JSON.parse(line);
  say({ at, is: token === null ? longest / 1000 : await accepts(token) });
});
