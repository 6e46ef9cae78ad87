// Times npm's verifiers for bench/nodejs.py: a request a line on stdin, an answer a line on stdout.
//   {"enter": NAME, "at": NUMBER, "stage": {...}, "tokens": [...], "order": [...]}  ->  {} or {"error": ...}
//   {"run": NUMBER, "calls": N}                                                     ->  {"seconds": ...}

import { readFileSync } from "node:fs";
import { createPublicKey } from "node:crypto";
import { createInterface } from "node:readline";
import { JwtVerifier } from "aws-jwt-verify";
import { createVerifier } from "fast-jwt";
import buildGetJwks from "get-jwks";
import { createLocalJWKSet, createRemoteJWKSet, jwtVerify } from "jose";
import jsonwebtoken from "jsonwebtoken";
import jwksRsa from "jwks-rsa";

const pem = (stage) =>
  createPublicKey({ key: stage.jwks.keys[0], format: "jwk" }).export({ type: "spki", format: "pem" });
const fastJwt = (stage, key, cache) =>
  createVerifier({
    key, cache, algorithms: [stage.alg], allowedIss: stage.issuer, allowedAud: stage.audience,
  });
const jose = (stage, keys) => {
  const expected = { issuer: stage.issuer, audience: stage.audience, algorithms: [stage.alg] };
  return (token) => jwtVerify(token, keys, expected);
};

const MAKERS = {
  "jose, ready": (stage) => jose(stage, createLocalJWKSet(stage.jwks)),
  "jose, client": (stage) => jose(stage, createRemoteJWKSet(new URL(stage.jwks_uri))),
  "fast-jwt, ready": (stage) => fastJwt(stage, pem(stage), false),
  "fast-jwt, remembered": (stage) => fastJwt(stage, pem(stage), stage.remember ?? 1000),
  "get-jwks + fast-jwt, client": (stage) => {
    const getJwks = buildGetJwks();
    const domain = new URL(stage.jwks_uri).origin;
    const key = ({ header }) => getJwks.getPublicKey({ kid: header.kid, alg: header.alg, domain });
    return fastJwt(stage, key, false);
  },
  "jwks-rsa + jsonwebtoken, client": (stage) => {
    const client = jwksRsa({ jwksUri: stage.jwks_uri });
    const key = (header, done) =>
      client.getSigningKey(header.kid).then((found) => done(null, found.getPublicKey()), done);
    const expected = { issuer: stage.issuer, audience: stage.audience, algorithms: [stage.alg] };
    return (token) =>
      new Promise((resolve, reject) =>
        jsonwebtoken.verify(token, key, expected, (error, claims) => (error ? reject(error) : resolve(claims))));
  },
  "aws-jwt-verify, ready": (stage) => {
    const verifier = JwtVerifier.create({
      issuer: stage.issuer, audience: stage.audience, jwksUri: "https://tenant.example/jwks.json",
    });
    verifier.cacheJwks(stage.jwks);
    return (token) => verifier.verifySync(token);
  },
};

const entered = new Map();

async function run({ verify, tokens, order, at }, calls) {
  const start = process.cpuUsage(); // as Python's are timed: of all threads, in microseconds
  for (let call = 0; call < calls; call++) {
    const answer = verify(tokens[order[(at + call) % order.length]]);
    if (answer instanceof Promise) await answer;
  }
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
}

async function answer(asked) {
  if (asked.enter !== undefined) {
    const { tokens, order } = asked;
    const one = { verify: MAKERS[asked.enter](asked.stage), tokens, order, at: 0 };
    await run(one, 1);
    entered.set(asked.at, one);
    return {};
  }
  const one = entered.get(asked.run);
  const seconds = await run(one, asked.calls);
  one.at = (one.at + asked.calls) % one.order.length;
  return { seconds };
}

const installed = (name) =>
  JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;
const { dependencies } = JSON.parse(readFileSync(new URL("package.json", import.meta.url)));
const versions = Object.fromEntries(Object.keys(dependencies).map((name) => [name, installed(name)]));
const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");
say({ names: Object.keys(MAKERS), versions: { Node: process.versions.node, ...versions } });
for await (const line of createInterface({ input: process.stdin })) {
  say(await answer(JSON.parse(line)).catch((error) => ({ error: error.code ?? error.name })));
}
