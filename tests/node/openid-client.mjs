// Every grant of an issuer by openid-client, without a browser. Says on stdout what came of each, as one line of JSON.
import * as client from "openid-client";

const [issuer, secret] = process.argv.slice(2);
const execute = [client.allowInsecureRequests];
const redirect_uri = "http://127.0.0.1:9/back";
const methods = { basic: client.ClientSecretBasic, post: client.ClientSecretPost, jwt: client.ClientSecretJwt };
const found = { methods: [] };

for (const [name, method] of Object.entries(methods)) {
  const config = await client.discovery(new URL(issuer), "web", secret, method(secret), { execute });
  const tokens = await client.clientCredentialsGrant(config, { audience: "https://api.example.com" });
  if (tokens.access_token) found.methods.push(name);
}

const config = await client.discovery(new URL(issuer), "web", secret, client.ClientSecretBasic(secret), { execute });
const signIn = async (more) => {
  const verifier = client.randomPKCECodeVerifier();
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri, scope: "openid offline_access", prompt: "none", login_hint: "alice", state: "s", nonce: "n",
    code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256", ...more,
  });
  const answer = await fetch(url, { redirect: "manual" });
  return [new URL(answer.headers.get("location")), { pkceCodeVerifier: verifier, expectedState: "s", expectedNonce: "n" }];
};

const [back, checks] = await signIn({});
const tokens = await client.authorizationCodeGrant(config, back, checks);
found.sub = tokens.claims().sub;
found.info = (await client.fetchUserInfo(config, tokens.access_token, found.sub)).sub;
const renewed = await client.refreshTokenGrant(config, tokens.refresh_token);
found.rotated = renewed.refresh_token !== tokens.refresh_token;

const exchanged = await client.genericGrantRequest(config, "urn:ietf:params:oauth:grant-type:token-exchange", {
  subject_token: renewed.access_token,
  subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
  audience: "https://next.example",
});
found.audience = JSON.parse(atob(exchanged.access_token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"))).aud;
if (config.serverMetadata().introspection_endpoint) {
  found.active = (await client.tokenIntrospection(config, renewed.access_token)).active;
}
if (config.serverMetadata().revocation_endpoint) await client.tokenRevocation(config, renewed.access_token);

if (config.serverMetadata().device_authorization_endpoint) {
  const device = await client.initiateDeviceAuthorization(config, { scope: "openid" });
  const form = new URLSearchParams({ user_code: device.user_code, login_sub: "bob", decision: "allow" });
  await fetch(device.verification_uri, { method: "POST", body: form });
  found.device = (await client.pollDeviceAuthorizationGrant(config, { ...device, interval: 0.1 })).claims().sub;
}

const hybrid = await client.discovery(new URL(issuer), "web", secret, undefined, { execute });
client.useCodeIdTokenResponseType(hybrid);
const [both, expected] = await signIn({ response_type: "code id_token" });
found.hybrid = (await client.authorizationCodeGrant(hybrid, both, expected)).claims().sub;

const implicit = await client.discovery(new URL(issuer), "web", undefined, client.None(), { execute });
client.useIdTokenResponseType(implicit);
const [only] = await signIn({ response_type: "id_token" });
found.implicit = (await client.implicitAuthentication(implicit, only, "n", { expectedState: "s" })).sub;

console.log(JSON.stringify(found));
