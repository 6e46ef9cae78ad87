"use strict";

// Asks the server, and shows its JSON. All that a token or an issuer says is set as text, never as markup.

const MEANING = {
  alg: "the algorithm of the signature (RFC 7515, section 4.1.1)",
  typ: "the kind of token (RFC 7519, section 5.1)",
  cty: "what the payload is (RFC 7519, section 5.2)",
  kid: "names the issuer’s key (RFC 7515, section 4.1.4)",
  x5t: "SHA-1 thumbprint of the key’s certificate (RFC 7515, section 4.1.7)",
  "x5t#S256": "SHA-256 thumbprint of the key’s certificate (RFC 7515, section 4.1.8)",
  x5c: "a certificate chain; never used as a source of keys",
  x5u: "an address of certificates; never fetched",
  jku: "an address of keys; never fetched",
  jwk: "a key; in a token’s header it is never trusted",
  crit: "members of the header that must be understood (RFC 7515, section 4.1.11)",
  b64: "whether the payload is base64url (RFC 7797)",
  enc: "the content is encrypted (RFC 7516)",
  iss: "who issued it (RFC 7519, section 4.1.1)",
  sub: "whom it is about (section 4.1.2)",
  aud: "for which services it is (section 4.1.3)",
  exp: "not accepted from then on (section 4.1.4)",
  nbf: "not accepted before then (section 4.1.5)",
  iat: "when it was issued (section 4.1.6)",
  jti: "names this one token (section 4.1.7)",
  azp: "the client that it was issued to (OpenID Connect Core)",
  client_id: "the client that asked for it (RFC 9068)",
  appid: "the client that asked for it (Entra ID 1.0)",
  scope: "what the client may do (RFC 9068, section 2.2.3)",
  scp: "what the client may do (Entra ID, Okta)",
  permissions: "what its subject may do (Auth0)",
  roles: "the roles of its subject (RFC 9068, section 2.2.3.1)",
  groups: "the groups of its subject (RFC 9068, section 2.2.3.1)",
  entitlements: "what its subject is entitled to (RFC 9068, section 2.2.3.1)",
  realm_access: "roles in the realm (Keycloak)",
  resource_access: "roles at each client (Keycloak)",
  authorization_details: "what was authorized, in detail (RFC 9396)",
  cnf: "the key that its sender must prove to have (RFC 7800)",
  act: "who acts for the subject (RFC 8693)",
  may_act: "who may act for the subject (RFC 8693)",
  auth_time: "when its subject signed in (OpenID Connect Core)",
  acr: "how strongly its subject signed in (OpenID Connect Core)",
  amr: "by which methods its subject signed in (RFC 8176)",
  nonce: "binds an ID token to a request (OpenID Connect Core)",
  at_hash: "the hash of the access token beside it (OpenID Connect Core)",
  c_hash: "the hash of the code beside it (OpenID Connect Core)",
  sid: "the session at the issuer (OpenID Connect logout)",
  events: "what is notified (RFC 8417)",
  tid: "the tenant (Entra ID)",
  oid: "the subject in its tenant (Entra ID)",
  upn: "the user’s principal name (Entra ID)",
  org_id: "the organization (Auth0)",
  gty: "the grant that brought it (Auth0)",
  email: "an e-mail address",
  email_verified: "whether the issuer has verified the address",
  name: "the full name",
  preferred_username: "what the user is called; not unique, and may change",
  updated_at: "when the profile was changed",
};
const TIMES = ["nbf", "iat", "auth_time", "exp", "updated_at"];
const MARKS = { ok: "✓", failed: "✗", skipped: "–", note: "·" };
const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

const find = (id) => document.getElementById(id);

// Escapes for what does not print: control characters, turns of direction, invisible spaces.
function plain(text) {
  return String(text).replace(/(?![ \n])[\p{C}\p{Z}]/gu, (one) => `\\u{${one.codePointAt(0).toString(16)}}`);
}

function made(name, text, kind) {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = plain(text);
  if (kind) element.className = kind;
  return element;
}

// Numbers keep every digit, where the browser can: 2^53 + 1 is no other number.
function parsed(text) {
  return JSON.parse(text, (_, value, context) => {
    const exact = typeof value !== "number" || !context || !JSON.rawJSON || String(value) === context.source;
    return exact ? value : JSON.rawJSON(context.source);
  });
}

const numberOf = (value) => Number(typeof value === "number" ? value : JSON.isRawJSON?.(value) ? value.rawJSON : NaN);

function written(seconds) {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString().replace(/\.\d+Z$/, "Z");
}

function distance(seconds, now) {
  const off = Math.abs(seconds - now);
  const [size, unit] = UNITS.find(([size]) => off >= size) ?? [1, "s"];
  const span = `${Math.floor(off / size)} ${unit}`;
  return seconds > now ? `in ${span}` : `${span} ago`;
}

function shown(name, value) {
  const seconds = TIMES.includes(name) ? numberOf(value) : NaN;
  if (!Number.isNaN(seconds)) return `${JSON.stringify(value)}  ${written(seconds)}, ${distance(seconds, Date.now() / 1000)}`;
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

function row(list, name, value, meaning) {
  const pair = list.appendChild(made("div"));
  pair.append(made("dt", name));
  const held = pair.appendChild(made("dd"));
  held.append(made("span", value, "value"));
  if (meaning) held.append(made("small", meaning, "meaning"));
}

function listed(id, members) {
  const section = find(id), list = section.querySelector("dl");
  list.replaceChildren();
  for (const [name, value] of Object.entries(members ?? {}))
    row(list, name, shown(name, value), Object.hasOwn(MEANING, name) ? MEANING[name] : "");
  section.hidden = !members;
}

const tell = (text) => { find("status").textContent = plain(text); };

function told(error) {
  return error.hint ? `${error.message}\n${error.hint}` : error.message;
}

async function asked(what, question) {
  let answer;
  try {
    answer = await fetch(what, {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(question),
      credentials: "omit", redirect: "error",
    });
  } catch {
    return { error: { message: "rightkey inspect does not answer: has it been stopped?", hint: null } };
  }
  return parsed(await answer.text());
}

const fields = () => Object.fromEntries(
  ["token", "issuer", "audience", "profile"].map((name) => [name, find(name).value]));

// ---- what the token says

let reading = 0, filled = { issuer: "", audience: "" };

async function read() {
  const turn = ++reading, { token } = fields();
  cleared();
  if (!token.trim()) {
    for (const id of ["header", "claims", "timeline"]) find(id).hidden = true;
    tell("Paste a token, or name an issuer.");
    fill({});
    return;
  }
  const said = await asked("decode", { token });
  if (turn !== reading) return;
  listed("header", said.header);
  listed("claims", said.claims);
  drawTimes(said.claims ?? {});
  fill(said.claims ?? {});
  if (said.error) tell(told(said.error));
  else tell(`Read, and not verified.${said.refused ? ` It would be refused: ${said.refused.message}.` : ""}`);
}

// Proposes the token's issuer and audience. It asks no issuer: that takes a press of the button.
function fill(claims) {
  const aud = Array.isArray(claims.aud) ? claims.aud[0] : claims.aud;
  const proposed = { issuer: claims.iss, audience: aud };
  for (const [name, value] of Object.entries(proposed)) {
    const field = find(name), text = typeof value === "string" ? value : "";
    if (field.value === filled[name]) {
      field.value = text;
      filled[name] = field.value;
    }
  }
  find("filled").hidden = !filled.issuer && !filled.audience;
  plan();
}

function drawTimes(claims) {
  const now = Date.now() / 1000;
  const times = TIMES.slice(0, 4).map((name) => [name, numberOf(claims[name])]).filter(([, at]) => Number.isFinite(at));
  find("timeline").hidden = times.length === 0;
  if (times.length === 0) return;
  const all = [...times, ["now", now]].sort((one, other) => one[1] - other[1]);
  find("times").replaceChildren(...all.map(([name, at]) => {
    const item = made("li", undefined, name === "now" ? "now" : "");
    item.append(made("span", name), made("span", name === "now" ? written(at) : `${written(at)}, ${distance(at, now)}`));
    return item;
  }));
  drawBar(Object.fromEntries(times), all, now);
}

function drawBar(times, all, now) {
  const first = all[0][1], last = all.at(-1)[1];
  const place = (at) => (last === first ? 500 : 20 + (960 * (at - first)) / (last - first));
  const rect = (kind, x, y, width, height) => {
    const shape = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [name, value] of Object.entries({ class: kind, x, y, width, height })) shape.setAttribute(name, value);
    return shape;
  };
  const begin = place(times.nbf ?? times.iat ?? first), end = place(times.exp ?? last);
  find("bar").replaceChildren(
    rect("track", 0, 17, 1000, 6), rect("span", begin, 11, Math.max(0, end - begin), 18),
    ...Object.values(times).map((at) => rect("tick", place(at) - 1.5, 6, 3, 28)), rect("now", place(now) - 2.5, 0, 5, 40));
}

// ---- which host would be asked

let planning = 0;

async function plan() {
  const turn = ++planning, ask = find("ask"), { issuer, audience, profile } = fields();
  cleared();
  disarm(issuer.trim() ? "Looking at the name" : "Name an issuer");
  find("recipes").hidden = find("plan").hidden = true;
  if (!issuer.trim()) return;
  const planned = await asked("plan", { issuer, audience, profile });
  if (turn !== planning) return;
  if (planned.error) {
    find("plan").textContent = plain(told(planned.error));
    find("plan").hidden = false;
    disarm("No issuer to ask");
    return;
  }
  ask.textContent = plain(`Ask ${planned.host}`);
  ask.dataset.host = planned.host;
  ask.setAttribute("aria-disabled", "false");
  find("python").textContent = planned.python;
  find("shell").textContent = planned.shell ?? "the issuer or audience has characters that cannot be pasted safely";
  document.querySelector("[data-copies=shell]").hidden = planned.shell === null;
  find("recipes").hidden = false;
}

function disarm(text) {
  const ask = find("ask");
  ask.textContent = text;
  ask.setAttribute("aria-disabled", "true");
  delete ask.dataset.host;
}

// ---- what the issuer says

let verifying = 0;

function cleared() {
  verifying++;
  for (const id of ["verdict", "signer", "keys"]) find(id).hidden = true;
}

async function verify() {
  const host = find("ask").dataset.host;
  if (!host) return;
  cleared();
  const turn = verifying, question = { ...fields(), host };
  tell(`Asking ${host} …`);
  const [verdict, located] = await Promise.all([
    question.token.trim() ? asked("verify", question) : null, asked("locate", { ...question, token: "" })]);
  if (turn !== verifying) return;
  if (verdict) showVerdict(verdict);
  showKeys(located);
  if (!verdict) tell(located.error ? told(located.error) : `${located.keys.length} usable keys, ${located.skipped.length} skipped.`);
  find("status").scrollIntoView({ block: "nearest" }); // on a narrow window it is below the fields
}

function showVerdict(verdict) {
  const valid = find("valid"), error = verdict.error;
  valid.className = verdict.valid ? "good" : "bad";
  valid.textContent = verdict.valid ? "Valid" : plain(told(error));
  find("failures").replaceChildren();
  for (const failure of error?.failures ?? []) {
    const parts = [["expected", failure.expected], ["got", failure.got]].filter(([, value]) => value !== null);
    row(find("failures"), `${failure.claim}: ${failure.reason.replaceAll("_", " ")}`,
      parts.map(([name, value]) => `${name} ${shown(failure.claim, value)}`).join("\n"));
  }
  find("steps").replaceChildren(...(verdict.steps ?? []).map(stepOf));
  find("verdict").hidden = false;
  listed("signer", verdict.key && keyFacts(verdict.key));
  tell(verdict.valid ? "Valid." : verdict.valid === null ? "It cannot be told: the issuer failed." : `Not valid: ${error.message}.`);
}

function stepOf(step) {
  const item = made("li", undefined, step.outcome);
  const mark = made("span", MARKS[step.outcome], { ok: "good", failed: "bad" }[step.outcome] ?? "");
  mark.setAttribute("aria-hidden", "true");
  const detail = made("span", step.detail);
  if (step.outcome !== "ok") detail.prepend(made("small", `${step.outcome}: `));
  item.append(mark, made("span", step.step), detail);
  const { requests = [], skipped = [], passed_over: over = [] } = step.data;
  const name = (kid) => (kid === null ? "a key without kid" : kid);
  for (const text of [
    ...requests.map((one) => `GET ${one.url} → ${one.answer}`),
    ...skipped.map((one) => `skipped ${name(one.kid)}: ${one.detail}`),
    ...over.map((one) => `passed over ${name(one.kid)}: ${one.reason}`),
  ]) item.append(made("span", text, "more"));
  return item;
}

function keyFacts(key) {
  const { certificate, warnings = [], ...facts } = key;
  for (const [name, value] of Object.entries(facts)) if (value === null) delete facts[name];
  if (certificate) {
    facts.certificate = `${certificate.subject}, ${certificate.self_issued ? "self-issued" : `issued by ${certificate.issuer}`}`;
    facts["valid from"] = certificate.not_before;
    facts["valid until"] = certificate.not_after;
    facts["x5t#S256"] = certificate["x5t#S256"];
  }
  if (warnings.length) facts.warnings = warnings.join("\n");
  return facts;
}

function showKeys(located) {
  const section = find("keys"), facts = section.querySelector("dl"), cards = section.querySelector("ul");
  facts.replaceChildren();
  cards.replaceChildren();
  if (located.error) row(facts, "error", told(located.error));
  for (const [name, label] of [["issuer", "issuer"], ["provider", "provider"], ["metadata_url", "metadata"], ["jwks_uri", "keys at"]])
    if (located[name]) row(facts, label, located[name]);
  const card = (members) => {
    const list = cards.appendChild(made("li")).appendChild(made("dl"));
    for (const [name, value] of Object.entries(members)) row(list, name, value);
  };
  for (const key of located.keys ?? []) card(keyFacts(key));
  for (const one of located.skipped ?? []) card({ kid: one.kid ?? "none", skipped: one.reason, why: one.detail });
  section.hidden = false;
}

// ---- what is pressed and typed

function later(run) {
  let timer;
  return () => { clearTimeout(timer); timer = setTimeout(run, 150); };
}

const planLater = later(plan);
find("token").addEventListener("input", later(read));
for (const id of ["issuer", "audience", "profile"])
  find(id).addEventListener("input", () => {
    // whatever the button named is not what the field says now
    if (id === "issuer") { planning++; disarm("Looking at the name"); }
    planLater();
  });
find("token-form").addEventListener("submit", (event) => event.preventDefault());
find("token-form").addEventListener("reset", (event) => {
  event.preventDefault();
  find("token").value = "";
  read();
  find("token").focus();
});
find("issuer-form").addEventListener("submit", (event) => event.preventDefault());
for (const id of ["issuer", "audience"])
  find(id).addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    find("ask").focus(); // Enter in a field is no confirmation: the button names the host
  });
find("ask").addEventListener("click", verify);
for (const button of document.querySelectorAll("[data-copies]"))
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(find(button.dataset.copies).textContent);
    tell("Copied.");
  });
