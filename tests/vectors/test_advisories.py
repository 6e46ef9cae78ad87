"""Each advisory and incident of other libraries, as a test by its id that the same cannot happen here.

The last tests read the list, `../shared/field/advisories.md`, only to see that none is missing.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import re
import sys
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.conftest import Clock, signing_key

import rightkey
from rightkey import (
    ANY,
    SAFE,
    AsyncVerifier,
    Freshness,
    IssuerMisbehaved,
    IssuerUnavailable,
    Key,
    KeySet,
    Misconfigured,
    TokenRejected,
    Verifier,
    verify_jws,
)
from rightkey.exchange import Request, Response
from rightkey.freshness.budget import MAX_SETTLED, Settled
from rightkey.issuer.discovery import read_metadata
from rightkey.issuer.name import Issuer
from rightkey.jose.jws import read
from rightkey.jose.strictjson import Repeated
from rightkey.localissuer import Fault, LocalIssuer, fault
from rightkey.localissuer.answers import Answer
from rightkey.localissuer.keys.signing import SigningKey
from rightkey.localissuer.tokens.minting import compact, mint
from rightkey.policy.trust import Trust
from rightkey.verdict.memory import KEPT, MAX_BYTES, Entry, Memory

LIST = Path(__file__).resolve().parents[3] / "shared" / "field" / "advisories.md"
NOW = 1_700_000_000
ISSUER = "https://issuer.example"
CLAIMS = {"iss": ISSUER, "aud": "api", "sub": "alice", "iat": NOW, "exp": NOW + 3600}
BUDGET = 2
"""Forced refetches at once (DESIGN, section 3)."""
PATIENT = Freshness(connect_timeout=60.0, timeout=60.0, wait=120.0)
"""Where nothing hangs, no deadline may end what an act is about, however busy this machine is."""

Act = Callable[[], None]
ADVISORIES: dict[str, Act] = {}
IDS: set[str] = set()


def advisory(*names: str) -> Callable[[Act], Act]:
    """The ids that a test answers for; what it proves is its docstring."""

    def note(act: Act) -> Act:
        IDS.update(names)
        ADVISORIES.update({f"{name}-{len(ADVISORIES)}": act for name in names})
        return act

    return note


# -- keys, tokens, verifiers -------------------------------------------------------------------------------


def key(algorithm: str = "ES256", kid: str = "k", certificates: bool = False) -> SigningKey:
    return signing_key(algorithm, kid, certificates)


def stranger() -> SigningKey:
    return key("ES256", "stranger", True)


def jwk(signing: SigningKey, **changes: Any) -> dict[str, Any]:
    return {name: value for name, value in (signing.public_jwk() | changes).items() if value is not None}


def verifier(*members: Any, **settings: Any) -> Verifier:
    keys = KeySet.parse({"keys": list(members or (jwk(key()),))}, published=True)
    asked: dict[str, Any] = {"audience": "api", "keys": keys, "clock": lambda: NOW, "remember": 0}
    return Verifier(settings.pop("issuer", ISSUER), **(asked | settings))


def code(raw: str | bytes, by: Verifier | None = None) -> str | None:
    """The code of the refusal; None where the token is accepted."""
    try:
        (by or verifier()).verify(raw)
    except rightkey.RightkeyError as error:
        return error.code
    return None


def refused(expected: str, tokens: Iterable[str | bytes], by: Verifier | None = None) -> None:
    """Each is refused so, and the honest token is not."""
    assert code(mint(key(), CLAIMS)) is None
    assert {code(token, by) for token in tokens} == {expected}


HEAD = {"alg": "ES256", "kid": "k"}


def token(header: dict[str, Any] | bytes, payload: bytes | None = None, by: SigningKey | None = None) -> str:
    """Signed well, whatever it says."""
    return compact(header, json.dumps(CLAIMS).encode() if payload is None else payload, (by or key()).sign)


def claiming(**claims: Any) -> str:
    return mint(key(), {name: value for name, value in (CLAIMS | claims).items() if value is not ANY})


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def mac(secret: bytes, alg: str = "HS256") -> str:
    hashed = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}[alg]
    return compact(
        {"alg": alg, "kid": "k"}, json.dumps(CLAIMS).encode(), lambda d: hmac.digest(secret, d, hashed)
    )


@dataclass(eq=False)
class Site:
    """A transport to documents by URL, which counts what is asked; an int is a status."""

    documents: dict[str, Any]
    asked: list[str] = field(default_factory=list)

    def get(self, request: Request, /) -> Response:
        self.asked.append(request.url)
        document = self.documents.get(request.url, 404)
        if isinstance(document, int):
            return Response(document, {}, b"")
        return Response(200, {}, document if isinstance(document, bytes) else json.dumps(document).encode())


def documents(issuer: str, *members: Any, **metadata: Any) -> dict[str, Any]:
    stated = {"issuer": issuer, "jwks_uri": f"{issuer}/keys"} | metadata
    return {f"{issuer}/.well-known/openid-configuration": stated, f"{issuer}/keys": {"keys": list(members)}}


def site(*members: Any, **metadata: Any) -> Site:
    return Site(documents(ISSUER, *(members or (jwk(key()),)), **metadata))


def over(transport: Any, elapsed: Clock | None = None, **settings: Any) -> Verifier:
    asked: dict[str, Any] = {"audience": "api", "clock": lambda: NOW, "transport": transport}
    return Verifier(settings.pop("issuer", ISSUER), elapsed=elapsed or Clock(), **(asked | settings))


def of(issuer: LocalIssuer, **settings: Any) -> Verifier:
    """Over a real socket."""
    asked: dict[str, Any] = {"audience": issuer.audience, "elapsed": Clock(), "freshness": PATIENT}
    return Verifier(issuer.url, **(asked | settings))


def unknown(count: int) -> list[str]:
    return [token({"alg": "ES256", "kid": f"random-{n}"}, by=stranger()) for n in range(count)]


# -- finding keys, holding them, fetching them -------------------------------------------------------------

REFUSALS: list[Any] = [503, 429, b"<html>", b'{"keys":[]}', b"{", 404]


@advisory("CVE-2026-48524", "GHSA-fhv5-28vv-h8m8", "GHSA-2gx3-rcp4-g85q")
def _() -> None:
    """A thousand random kids over a socket, an outage in the middle: fetches within the budget, failures
    counted, and the known kid verifies throughout."""
    with LocalIssuer(algorithm="ES256", certificates=False) as issuer:
        by = of(issuer)
        honest = issuer.token(sub="alice")
        assert code(honest, by) is None
        for number in range(1000):
            if number == 500:
                issuer.misbehave("jwks", "status")
            forged = issuer.token(key=stranger(), header={"kid": f"random-{number}"})
            assert code(forged, by) in ("key_not_found", "keys_unavailable")
            assert number % 100 or code(honest, by) is None
        assert issuer.requests["jwks"] <= 1 + BUDGET
    for answer in REFUSALS:
        server, elapsed = site(), Clock()
        by = over(server, elapsed)
        assert code(mint(key(), CLAIMS), by) is None
        server.documents[f"{ISSUER}/keys"] = answer
        assert {code(one, by) for one in unknown(50)} <= {"key_not_found", "keys_unavailable"}
        assert code(mint(key(), CLAIMS), by) is None
        assert server.asked.count(f"{ISSUER}/keys") <= 1 + BUDGET


@advisory("CVE-2026-48522", "GHSA-993g-76c3-p5m4")
def _() -> None:
    """Another scheme is refused where it is configured and where metadata names it, and is not asked."""
    for uri in (
        "file:///etc/passwd",
        "ftp://issuer.example/k",
        "gopher://x/",
        "data:,{}",
        "http://issuer.example",
    ):
        server = site(jwks_uri=uri)
        with pytest.raises(IssuerUnavailable):
            over(server).verify(mint(key(), CLAIMS))
        assert uri not in server.asked
        with pytest.raises(Misconfigured):
            over(server, keys=uri)
        with pytest.raises(Misconfigured):
            over(server, issuer=uri)


def two_issuers() -> tuple[Site, dict[str, str], dict[str, SigningKey]]:
    other = "https://other.example"
    keys = {ISSUER: key(), other: replace(stranger(), kid="k")}
    server = Site({url: one for issuer, k in keys.items() for url, one in documents(issuer, jwk(k)).items()})
    return server, {name: mint(k, CLAIMS | {"iss": name}) for name, k in keys.items()}, keys


@advisory("CVE-2026-49998", "GHSA-g6vg-wj8f-48cj")
def _() -> None:
    """Two issuers with one kid and different keys, in both orders and at once: neither vouches for the
    other."""
    for order in (1, -1):
        server, tokens, keys = two_issuers()
        elapsed = Clock()
        pairs = [(over(server, elapsed, issuer=name), name) for name in list(tokens)[::order]]
        with ThreadPoolExecutor(16) as pool:
            found = list(
                pool.map(code, [tokens[name] for _, name in pairs] * 16, [by for by, _ in pairs] * 16)
            )
        assert set(found) == {None}
        for by, name in pairs:
            (theirs,) = (k for issuer, k in keys.items() if issuer != name)
            assert code(mint(theirs, CLAIMS | {"iss": name}), by) == "signature_invalid"


@advisory("AISEC-82/83")
def _() -> None:
    """Verifiers of another URL, transport or freshness share nothing; those of the same share what was
    fetched, and no policy."""
    server, elapsed, honest = site(), Clock(), mint(key(), CLAIMS)
    first, same = over(server, elapsed), over(server, elapsed, audience="another")
    assert code(honest, first) is None
    assert code(honest, same) == "claims_rejected"
    assert code(claiming(aud="another"), same) is None
    assert len(server.asked) == 2
    assert code(honest, over(server, elapsed, freshness=Freshness(life=601.0))) is None
    assert len(server.asked) == 4
    elsewhere = Site(documents(ISSUER, jwk(stranger(), kid="k")))
    assert code(honest, over(elsewhere, elapsed)) == "signature_invalid"


@advisory("CVE-2025-59936")
def _() -> None:
    """No name is glued to another: delimiters, escapes, NUL and newline in kid, alg and issuer find nothing,
    and poison nothing."""
    server = site()
    by = over(server)
    for odd in ("k:", f"k|{ISSUER}", "k%3A", "k\0", "k\n", ":ES256:k", f"{ISSUER}/keys#k", "k" * 9000, ""):
        assert code(token({"alg": "ES256", "kid": odd}, by=stranger()), by) == "key_not_found"
        assert code(token({"alg": f"ES256{odd or ' '}", "kid": "k"}), by) == "algorithm_not_allowed"
        assert code(claiming(iss=f"{ISSUER}{odd or ' '}"), by) == "issuer_not_trusted"
    assert code(token({"alg": "ES256", "kid": "k" * 65536}), by) == "token_malformed"
    assert code(mint(key(), CLAIMS), by) is None
    assert set(server.asked) == {f"{ISSUER}/.well-known/openid-configuration", f"{ISSUER}/keys"}


@advisory("heimdall#3444")
def _() -> None:
    """A strict and a lax verifier at one address: what the lax one took in is still refused by the strict."""
    server, elapsed = site(), Clock()
    lax = over(server, elapsed, audience=ANY, profile="any", require_exp=False, leeway=300)
    strict = over(server, elapsed, algorithms=["ES384"])
    required = over(server, elapsed, require="admin")
    for _ in range(2):
        raw = mint(key(), CLAIMS)
        assert [code(raw, by) for by in (lax, strict, required)] == [
            None,
            "algorithm_not_allowed",
            "scope_insufficient",
        ]
        assert code(claiming(exp=NOW - 100), lax) is None
        assert code(claiming(exp=NOW - 100), over(server, elapsed)) == "claims_rejected"


def pleading() -> list[dict[str, Any]]:
    own = jwk(stranger())
    evil = {"jku": "https://evil.example/k", "x5u": "https://evil.example/c"}
    return [
        {"jwk": own},
        {"x5c": own["x5c"]},
        {"jku": evil["jku"]},
        {"x5u": evil["x5u"]},
        {"jwk": own} | evil,
    ]


@advisory("CVE-2026-27962", "CVE-2018-0114")
def _() -> None:
    """A header's `jwk`, `jku`, `x5u` or `x5c` is not a key, least of all where nothing else fits."""
    for extra in pleading():
        refused("key_not_found", [token({"alg": "ES256", "kid": "unknown"} | extra, by=stranger())])
        refused("signature_invalid", [token(HEAD | extra, by=stranger())])
        refused("signature_invalid", [token({"alg": "ES256"} | extra, by=stranger())])
        with pytest.raises(TokenRejected):
            verify_jws(token(HEAD | extra, by=stranger()), KeySet(()), algorithms=SAFE)


@advisory("CVE-2026-31837")
def _() -> None:
    """A failed fetch yields no keys and no placeholder: nothing verifies, by whatever key."""
    for answer in REFUSALS:
        server = site()
        server.documents[f"{ISSUER}/keys"] = answer
        by = over(server)
        for signing in (key(), stranger(), key("ES256", "another")):
            assert code(mint(signing, CLAIMS), by) == "keys_unavailable"
        assert by.status().keys == 0


@advisory("CVE-2025-64527", "CVE-2024-45809")
def _() -> None:
    """A caller that is cancelled while keys are fetched, or drops the verifier, harms no other."""
    with LocalIssuer(algorithm="ES256", certificates=False) as issuer:
        raw, may_answer = issuer.token(sub="alice"), threading.Event()

        def held(answer: Answer) -> Answer:
            assert may_answer.wait(60)
            return answer

        async def act() -> None:
            how: dict[str, Any] = {"audience": issuer.audience, "freshness": PATIENT}
            by = AsyncVerifier(issuer.url, elapsed=Clock(), **how)
            issuer.misbehave("jwks", Fault("held", dress=held))
            tasks = [asyncio.create_task(by.verify(raw)) for _ in range(20)]
            while not issuer.requests["jwks"]:
                await asyncio.sleep(0.005)
            for task in tasks[::2]:
                task.cancel()
            await asyncio.wait(tasks[::2])
            may_answer.set()
            done = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(one, asyncio.CancelledError) for one in done[::2])
            assert all(isinstance(one, rightkey.Verified) for one in done[1::2])
            fresh = AsyncVerifier(issuer.url, elapsed=Clock(), **how)
            left = asyncio.create_task(fresh.verify(raw))
            del fresh
            assert (await left).subject == "alice"

        asyncio.run(act())
        assert issuer.requests["jwks"] == 2


@advisory("CVE-2021-21378")
def _() -> None:
    """A token of an unknown issuer is a failure, and so is one of none: neither counts as no token."""
    refused("issuer_not_trusted", [claiming(iss=one) for one in ("https://unknown.example", "", ANY, None)])
    assert code("") == "token_missing"


@advisory("CVE-2024-21643", "CVE-2024-8901", "CVE-2024-10125", "ALBeast")
def _() -> None:
    """No address in a token is asked: live lures with the forger's key are never touched."""
    with LocalIssuer(certificates=True, algorithm="ES256") as issuer:
        by = of(issuer)
        assert code(issuer.token(), by) is None
        for name in ("jku-header", "x5u-header", "x5c-header", "jwk-header"):
            assert code(issuer.attack(name), by) in ("key_not_found", "signature_invalid")
        for header in ({"signer": "arn:aws:x"}, {"iss": issuer.url}, {"kid": f"{issuer.url}attacker"}):
            forged = issuer.token(key=stranger(), header={"alg": "ES256"} | header)
            assert code(forged, by) in ("key_not_found", "signature_invalid")
        assert issuer.requests["attacker-jwks"] == issuer.requests["attacker-certificate"] == 0
        assert issuer.requests["other"] == 0
        assert issuer.requests.total <= 2 + BUDGET


@advisory("CVE-2026-23552")
def _() -> None:
    """Realm B's token at realm A's verifier, with one key for both realms."""
    realms = [f"{ISSUER}/realms/{name}" for name in "ab"]
    server = Site({url: one for realm in realms for url, one in documents(realm, jwk(key())).items()})
    a = over(server, issuer=realms[0])
    assert [code(claiming(iss=realm), a) for realm in realms] == [None, "issuer_not_trusted"]


HOSTS = (
    "https://evil.example",
    f"{ISSUER}@evil.example",
    "https://issuer.example\\@evil.example",
    f"{ISSUER}.",
)
HOSTS += (
    "https://xn--issuer-example",
    "https://ıssuer.example",
    "https://[::ffff:127.0.0.1]",
    "https://2130706433",
)
HOSTS += (
    "http://169.254.169.254",
    f"{ISSUER}#@evil.example",
    f"{ISSUER}/../evil",
    f"{ISSUER}:443",
    "file:///x",
)


@advisory("iss-driven SSRF")
def _() -> None:
    """An `iss` that is not the one configured drives nothing: no request at all."""
    server = site()
    by = over(server)
    assert {code(claiming(iss=host), by) for host in HOSTS} == {"issuer_not_trusted"}
    assert server.asked == []
    for host in HOSTS[1:4]:
        with pytest.raises(Misconfigured):
            Issuer.parse(host) if host != f"{ISSUER}." else Issuer.parse(f"{host}.")


@advisory("CVE-2025-2559")
def _() -> None:
    """What is remembered is bounded by count and bytes, whatever the number of distinct tokens."""
    settled = Settled()
    for number in range(10**6):
        settled.settle(number.to_bytes(8), 0.0)
    assert len(settled.again) == MAX_SETTLED
    memory, keys = Memory(1024), KeySet.parse(jwk(key()))
    unverified, trust = read(mint(key(), CLAIMS)), Trust(ISSUER, audience="a")

    def keep(raw: str) -> None:
        header, payload = unverified.header, Repeated(unverified.payload)
        memory.keep(raw, Entry(header, payload, keys.keys[0], keys, 0.0, 1.0, None, trust))

    for number in range(10**5):
        keep(f"{number}")
        memory.keep_header(replace(unverified, segment=str(number).encode()))
    assert len(memory) <= 1024
    assert len(memory.headers) <= 64
    for number in range(1000):
        keep(f"{number}".rjust(60_000))
    assert KEPT * len(memory) * 60_000 <= MAX_BYTES + KEPT * 60_000


@advisory("GHSA-rp9m-7r4c-75qg", "CVE-2026-35030")
def _() -> None:
    """A remembered token is found by the whole of its text: one with the same beginning, or the same end, is
    another; and a memory belongs to one verifier."""
    by = verifier(remember=1024)
    users = [claiming(sub=f"user-{number}") for number in range(50)]
    for _ in range(2):
        assert [by.verify(raw).subject for raw in users] == [f"user-{number}" for number in range(50)]
    head, payload, signature = users[0].split(".")
    mixed = [f"{head}.{payload}.{users[1].split('.')[2]}", f"{head}.{users[1].split('.')[1]}.{signature}"]
    assert {code(raw, by) for raw in mixed} == {"signature_invalid"}
    assert code(users[0], verifier(jwk(stranger(), kid="k"), remember=1024)) == "signature_invalid"
    moment = [NOW]
    ageing = verifier(remember=1024, clock=lambda: moment[0])
    assert code(users[0], ageing) is None
    moment[0] += 3600
    assert code(users[0], ageing) == "claims_rejected"


JWE = {
    "alg": "PBES2-HS256+A128KW",
    "enc": "A256GCM",
    "p2c": 2**31 - 1,
    "p2s": "AAAA",
    "zip": "DEF",
    "kid": "k",
}


@advisory("CVE-2024-28176", "CVE-2024-28180", "CVE-2025-62706", "CVE-2024-28102", "CVE-2023-51775")
@advisory("CVE-2023-50966", "CVE-2023-52428", "CVE-2024-33664", "CVE-2023-6681", "CVE-2026-27932")
@advisory("CVE-2022-39174", "CVE-2022-39175", "CVE-2023-51774", "CVE-2026-29000", "CVE-2026-39373")
def _() -> None:
    """A JWE, a compressed payload or a nested token is refused outright and at once, in its own words."""
    head = encode(json.dumps(JWE).encode())
    bombs = [
        f"{head}.AAAA.AAAA.{'A' * 10_000}.AAAA",
        f"{head}.AAAA.AAAA",
        f"{head}....",
        token(HEAD | {"zip": "DEF"}, zlib.compress(json.dumps(CLAIMS).encode())),
    ]
    bombs += [token(HEAD | {"enc": "A256GCM"}), token(HEAD | {"cty": "JWT"}), token(HEAD | {"cty": "jwt"})]
    unsigned = compact({"alg": "none"}, json.dumps(CLAIMS).encode(), lambda _: b"")
    bombs += [token(HEAD | {"cty": "application/JWT"}, unsigned.encode()), token(HEAD, unsigned.encode())]
    refused("token_malformed", bombs)
    with pytest.raises(TokenRejected, match="five parts"):
        verifier().verify(bombs[0])


@advisory("CVE-2025-53864", "GHSA-8wjv-2p76-3863", "GHSA-w6j9-cwv2-h6wq")
def _() -> None:
    """Ten thousand levels in header, payload, key set and metadata are refused; a bad member harms none."""
    for deep in ("[" * 10_000 + "]" * 10_000, '{"a":' * 3000 + "1" + "}" * 3000, "[" * 40_000):
        if len(deep) < 15_000:
            refused("token_malformed", [token(f'{{"alg":"ES256","kid":"k","x":{deep}}}'.encode())])
        refused("token_malformed", [token(HEAD, f'{{"x":{deep}}}'.encode())])
        for document in (f'{{"keys":{deep}}}', f'{{"keys":[{{"kty":"RSA","n":{deep}}}]}}'):
            with pytest.raises(IssuerMisbehaved):
                KeySet.parse(document)
        with pytest.raises(IssuerMisbehaved):
            read_metadata(Issuer.parse(ISSUER), Response(200, {}, f'{{"issuer":{deep}}}'.encode()))
    garbage: list[Any] = [
        None,
        "str",
        [],
        1,
        {"kty": 42},
        {"kty": "RSA", "n": {}, "e": []},
        {"kty": "RSA", "e": "!"},
    ]
    assert code(mint(key(), CLAIMS), verifier(*garbage, jwk(key()))) is None


@advisory("lab S13", "CVE-2024-28102", "CVE-2026-39373")
def _() -> None:
    """A body of 64 MiB, a gzip bomb and a length that lies cost no more than the cap, and give no keys."""
    for endpoint in ("jwks", "discovery"):
        for what in ("huge", "gzip-bomb", "truncated"):
            with LocalIssuer(algorithm="ES256", certificates=False) as issuer:
                issuer.misbehave(endpoint, what)
                by = of(issuer)
                assert code(issuer.token(), by) == "keys_unavailable"
                told = str(by.status().last_failure)
                assert "is larger than the" in told or "is not whole" in told  # no deadline


@advisory("GHSA-9v7f-9g4p-ffgj")
def _() -> None:
    """No redirect is followed, of no status, to no place, for metadata and keys alike."""
    with LocalIssuer(algorithm="ES256", certificates=False) as elsewhere:
        for endpoint in ("jwks", "discovery"):
            for status in (301, 302, 303, 307, 308):
                with LocalIssuer(algorithm="ES256", certificates=False) as issuer:
                    issuer.misbehave(endpoint, fault("redirect", to=f"{elsewhere.url}jwks", code=status))
                    assert code(issuer.token(), of(issuer)) == "keys_unavailable"
        assert elsewhere.requests.total == 0


# -- algorithms and types of keys --------------------------------------------------------------------------


def octets(signing: SigningKey, encoding: Encoding, form: PublicFormat) -> bytes:
    return signing.private.public_key().public_bytes(encoding, form)


def public_forms() -> list[bytes]:
    rsa, spki = key("RS256", "k", True), PublicFormat.SubjectPublicKeyInfo
    pem, own = octets(rsa, Encoding.PEM, spki), jwk(rsa)
    forms = [pem, octets(rsa, Encoding.PEM, PublicFormat.PKCS1), octets(rsa, Encoding.DER, spki)]
    forms += [octets(rsa, Encoding.OpenSSH, PublicFormat.OpenSSH), json.dumps(own).encode()]
    forms += [json.dumps({"keys": [own]}).encode(), json.dumps([own]).encode(), own["x5c"][0].encode()]
    forms += [base64.b64decode(own["x5c"][0]), own["n"].encode(), base64.b64encode(pem), b""]
    return [*forms, pem.strip(), b"\n" + pem, b"\xef\xbb\xbf" + pem, b"  " + pem, pem.replace(b"\n", b"\r\n")]


@advisory("CVE-2016-10555", "CVE-2015-9235", "CVE-2022-29217", "CVE-2024-33663", "CVE-2024-54150")
@advisory("CVE-2026-48526", "CVE-2026-33322", "CVE-2026-27804", "CVE-2026-22817", "CVE-2026-22818")
@advisory("GHSA-xgmm-8j9v-c9wx", "GHSA-r6x4-923q-g947", "GHSA-ffc3-869f-jxw9", "GHSA-p4g4-x82p-q773")
@advisory("GHSA-w2cx-738m-mc7w", "GHSA-pxh4-856f-4h89", "CVE-2026-44699", "CVE-2024-37568")
@advisory("CVE-2026-45363", "CVE-2026-44351", "CVE-2019-20933", "CVE-2020-28637")
def _() -> None:
    """HMAC does not exist: any form of a public key, or nothing, is refused as a secret before any fetch,
    whether the JWK names its `alg` or not; and no setting can allow it, or allow nothing."""
    rsa = key("RS256", "k", True)
    for member in (
        jwk(rsa),
        jwk(rsa, alg=None),
        {"kty": "oct", "k": "", "kid": "k"},
        {"kty": "oct", "k": "AAAA"},
    ):
        server = site(member)
        by = over(server)
        for secret in public_forms():
            for alg in ("HS256", "HS384", "HS512"):
                assert code(mac(secret, alg), by) == "algorithm_not_allowed"
        assert server.asked == []
        if member["kty"] == "oct":
            assert [one.reason for one in KeySet.parse(member).skipped] == ["symmetric"]
    wrong: list[Any] = [["HS256"], ["ES256", "HS256"], ["none"], [], "ES256", None, [""]]
    for algorithms in wrong:
        with pytest.raises(Misconfigured):
            verifier(algorithms=algorithms)
        with pytest.raises(Misconfigured):
            verify_jws(mint(key(), CLAIMS), KeySet.parse(jwk(key())), algorithms=algorithms)


@advisory("CVE-2023-48223", "CVE-2026-34950", "GHSA-mvf2")
def _() -> None:
    """A PEM with a mark, spaces or other line ends in front is the same public key or is refused; it is
    never something else."""
    pem = octets(key(), Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for odd in (b"\xef\xbb\xbf" + pem, pem.replace(b"\n", b"\r\n"), b"  \n" + pem, b"x" + pem, b"\n\n" + pem):
        try:
            found = Key.from_pem(odd, kid="k")
        except Misconfigured:
            continue
        by = Verifier(ISSUER, audience="api", keys=KeySet((found,)), clock=lambda: NOW)
        assert [code(raw, by) for raw in (mint(key(), CLAIMS), mac(odd))] == [None, "algorithm_not_allowed"]


@advisory("CVE-2026-48523", "GHSA-jq35-7prp-9v3f", "CVE-2026-22817")
def _() -> None:
    """Header, key and list agree, all three, on every way in; a key without `alg` serves what is listed."""
    rsa = key("RS256")
    for alg, member, allowed, expected in (
        ("RS512", jwk(rsa, alg=None), ["RS256"], "algorithm_not_allowed"),
        ("RS512", jwk(rsa), ["RS256", "RS512"], "key_not_found"),
        ("RS256", jwk(rsa), ["RS512"], "algorithm_not_allowed"),
        ("RS512", jwk(rsa, alg=None), ["RS512"], None),
    ):
        raw = mint(replace(rsa, algorithm=alg), CLAIMS)
        assert code(raw, verifier(member, algorithms=allowed)) == expected
        if expected is None:
            assert verify_jws(raw, KeySet.parse(member), algorithms=allowed)
        else:
            with pytest.raises(TokenRejected) as caught:
                verify_jws(raw, KeySet.parse(member), algorithms=allowed)
            assert caught.value.code == expected


@advisory("CVE-2021-46743")
def _() -> None:
    """One kid, two types of key: each serves its own algorithms, in either order."""
    rsa, ec = jwk(key("RS256"), alg=None), jwk(key(), alg=None)
    for members in ((rsa, ec), (ec, rsa)):
        by = verifier(*members)
        assert [code(mint(one, CLAIMS), by) for one in (key("RS256"), key())] == [None, None]
        assert code(token({"alg": "RS256", "kid": "k"}), by) == "signature_invalid"
        assert code(token({"alg": "PS256", "kid": "k"}, by=key("RS256")), by) == "signature_invalid"


@advisory("GHSA-jc38-x7x8-2xc8", "CVE-2022-39227", "CVE-2022-3102")
def _() -> None:
    """There is one form and one parser: JSON serialization, unprotected headers and polyglots are refused."""
    honest = mint(key(), CLAIMS)
    head, payload, signature = honest.split(".")
    flat = {"protected": head, "payload": payload, "signature": signature, "header": {"alg": "none"}}
    general = {"payload": payload, "signatures": [flat]}
    odd = [json.dumps(one) for one in (flat, general, [flat])]
    odd += [
        f'{{"{honest}":"x"}}',
        f'{{"protected":"{head}","x":"{head}.{payload}.{signature}"}}',
        f'["{honest}"]',
    ]
    odd += [f'{{"  {head}.":"{payload}","{signature}":""}}', f" {honest}", f'"{honest}"']
    refused("token_malformed", odd)


@advisory("CVE-2022-23540", "CVE-2020-28042", "GHSA-8wpc", "CVE-2024-48916", "CVE-2025-61152")
def _() -> None:
    """No algorithm, and no signature, by any spelling or type."""

    def unsigned(head: bytes) -> str:
        return compact(head, json.dumps(CLAIMS).encode(), lambda _: b"")

    names = [
        unsigned(f'{{"alg":"{name}","kid":"k"}}'.encode()) for name in ("none", "None", "nOnE", "NONE", "")
    ]
    refused("algorithm_not_allowed", names)
    kinds = [
        unsigned(f'{{"alg":{kind},"kid":"k"}}'.encode()) for kind in ("null", "0", "[]", '["none"]', "{}")
    ]
    refused(
        "token_malformed", [*kinds, unsigned(b'{"kid":"k"}'), unsigned(b"{}"), names[0].rpartition(".")[0]]
    )
    refused("signature_invalid", [mint(key(), CLAIMS).rpartition(".")[0] + "."])
    with pytest.raises(Misconfigured):
        verifier(algorithms=["none"])


ORDERS = {
    "ES256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "ES384": int("f" * 48 + "c7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16),
    "ES512": int("01" + "f" * 64 + "fa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409", 16),
}


@advisory("CVE-2022-21449", "CVE-2022-32096", "CVE-2022-38493", "CVE-2024-25714")
def _() -> None:
    """r and s are between 1 and n - 1, side by side, and of one length."""
    for algorithm, order in ORDERS.items():
        signing = key(algorithm)
        size = (order.bit_length() + 7) // 8
        signed, _, good = mint(signing, CLAIMS).rpartition(".")
        octets = base64.urlsafe_b64decode(good + "==")
        r, s = int.from_bytes(octets[:size]), int.from_bytes(octets[size:])
        pairs = [
            (0, 0),
            (0, 1),
            (1, 0),
            (order, s),
            (r, order),
            (order, order),
            (order - 1, 0),
            (0, s),
            (r, 0),
        ]
        forged = [a.to_bytes(size) + b.to_bytes(size) for a, b in pairs]
        forged += [encode_dss_signature(r, s), octets[:-1], octets + b"\0", b"\0" + octets, octets * 2, b""]
        forged += [bytes(1000), octets[:size], octets[size:] + octets[:size]]
        by = verifier(jwk(signing))
        assert {code(f"{signed}.{encode(one)}", by) for one in forged} == {"signature_invalid"}
        assert code(f"{signed}.{good}", by) is None


@advisory("CVE-2017-15361")
def _() -> None:
    """A weak RSA key is skipped: 1024 bits, e of 1 or even, an even modulus, and the form of ROCA."""
    modulus = int.from_bytes(base64.urlsafe_b64decode(jwk(key("RS256"))["n"] + "=="))
    product = 1
    for prime in (n for n in range(2, 702) if all(n % d for d in range(2, n))):
        product *= prime
    roca = pow(65537, 99, product) + product * ((1 << 2047) // product + 2)
    roca += product * (roca % 2 == 0)
    weak = [(modulus >> 1024 | 1, 65537), (modulus, 1), (modulus, 2), (modulus, 65536), (modulus - 1, 65537)]
    for n, e in [*weak, (roca | 1, 65537)]:
        member = {"kty": "RSA", "n": encode(n.to_bytes(256).lstrip(b"\0")), "e": encode(e.to_bytes(3))}
        assert {one.reason for one in KeySet.parse(member).skipped} <= {"weak", "malformed"}
        assert not KeySet.parse(member)


# -- reading -----------------------------------------------------------------------------------------------


@advisory("CVE-2026-32597", "CVE-2025-59420", "CVE-2025-65015", "python-jose#413", "aws-jwt-verify 5.2.1")
@advisory("GHSA-752w-5fwx-jx9f")
def _() -> None:
    """`crit` is understood in no form, with the named member there or not."""
    values: list[Any] = [
        ["x"],
        [],
        "x",
        None,
        1,
        {},
        ["alg"],
        ["kid"],
        ["x", "x"],
        [1],
        ["absent"],
        ["exp"],
        True,
    ]
    refused("token_malformed", [token(HEAD | {"crit": value, "x": 1}) for value in values])
    refused("token_malformed", [token(b'{"alg":"ES256","kid":"k","crit":["x"],"crit":[]}')])


@advisory("CVE-2026-48525", "GHSA-w7vc-732c-9m39")
def _() -> None:
    """`b64: false` is refused, critical or not, and a raw payload never becomes claims. `b64: true` changes
    nothing (RFC 7797, section 3), and is refused where it is critical, which is not understood here."""
    heads = [HEAD | {"b64": b64} | crit for b64 in (False, "false") for crit in ({}, {"crit": ["b64"]})]
    heads.append(HEAD | {"b64": True, "crit": ["b64"]})
    refused("token_malformed", [token(head) for head in heads])
    head = encode(json.dumps(heads[1]).encode())
    raw = json.dumps(CLAIMS)
    signature = encode(key().sign(f"{head}.{raw}".encode()))
    refused("token_malformed", [f"{head}.{raw}.{signature}", f"{head}.{'A' * 60_000}.{signature}"])


def calls(work: Callable[[], object]) -> int:
    """How many functions are called, of Python and of C."""
    count = 0

    def called(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    logging.disable()  # handlers are the application's, and some frameworks leave theirs behind
    sys.setprofile(called)
    try:
        work()
    finally:
        sys.setprofile(before)
        logging.disable(logging.NOTSET)
    return count


@advisory("CVE-2025-61920", "CVE-2025-27144", "CVE-2025-30204", "CVE-2026-35041")
def _() -> None:
    """Ten mebibytes of header, a million dots and long claims cost few calls and little memory; and a header
    with a chain of certificates in it passes."""
    honest = mint(key(), CLAIMS)
    huge = ["A" * 10 * 2**20 + honest, "." * 10**6, "." * 65_536, honest + "." * 60_000, "a." * 30_000]
    by = verifier()
    tracemalloc.start()
    try:
        for raw in huge:
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            assert code(raw, by) == "token_malformed"
            assert tracemalloc.get_traced_memory()[1] - before < 2**20
    finally:
        tracemalloc.stop()
    for raw in huge:
        assert calls(lambda raw=raw: code(raw, by)) < 200
    for claims in ({"iss": "a" * 40_000}, {"aud": "a" * 40_000}, {"scope": " " * 40_000}):
        raw = claiming(**claims)
        assert calls(lambda raw=raw: code(raw, by)) < 400
    raw = claiming(aud=["a"] * 10_000)
    assert calls(lambda: code(raw, by)) < 2 * 10_000  # each is compared, once
    assert code(token(HEAD | {"x5c": ["A" * 2500] * 4}), by) is None


@advisory("duplicate members")
def _() -> None:
    """A name twice refuses header, key set and metadata; in claims the last counts, for every reader."""
    heads = ['"alg":"none","alg":"ES256","kid":"k"', '"alg":"ES256","kid":"x","kid":"k"']
    heads += ['"alg":"ES256","kid":"k","\\u0061lg":"none"']  # the same name, spelled otherwise
    refused("token_malformed", [token(f"{{{head}}}".encode()) for head in heads])
    member = json.dumps(jwk(key()))
    for document in (f'{{"keys":[],"keys":[{member}]}}', f'{{"keys":[{member}],"issuer":"a","issuer":"b"}}'):
        with pytest.raises(IssuerMisbehaved):
            KeySet.parse(document)
    twice = KeySet.parse(f'{{"keys":[{member[:-1]},"kid":"k"}},{member}]}}')
    assert ([one.reason for one in twice.skipped], len(twice)) == (["named_twice"], 1)
    stated = f'{{"issuer":"https://evil.example","issuer":"{ISSUER}","jwks_uri":"{ISSUER}/keys"}}'
    with pytest.raises(IssuerMisbehaved):
        read_metadata(Issuer.parse(ISSUER), Response(200, {}, stated.encode()))
    last = json.dumps(CLAIMS)[:-1] + f',"exp":{NOW - 9}}}'
    refused("claims_rejected", [token(HEAD, last.encode())])


@advisory("CVE-2024-53861", "GHSA-75c5", "GHSA-75c5-xw7c-p5pm", "CVE-2025-30144")
def _() -> None:
    """An issuer is one string, compared whole: no part, no list, no slash more or less."""
    odd: list[Any] = [
        "acme",
        ISSUER[:-1],
        ISSUER[8:],
        f"{ISSUER}d",
        [ISSUER],
        [ISSUER, "x"],
        {ISSUER: 1},
        f"{ISSUER}/",
    ]
    refused("issuer_not_trusted", [claiming(iss=one) for one in [*odd, None, "", 0, True]])
    refused("issuer_not_trusted", [claiming(iss="abc")], verifier(issuer="abcd"))
    refused("claims_rejected", [claiming(sub=one) for one in (["alice"], 1, {}, None)])
    refused("claims_rejected", [claiming(jti=one) for one in (["j"], 1)])


@advisory("CVE-2020-26160")
def _() -> None:
    """An audience is a string or strings, of which one is ours."""
    odd: list[Any] = [
        [],
        [""],
        1,
        [["api"]],
        {},
        {"api": 1},
        ["api", 1],
        [None],
        "",
        "ap",
        "apis",
        None,
        ANY,
        True,
    ]
    refused("claims_rejected", [claiming(aud=one) for one in odd])


@advisory("GHSA-3fvg", "GHSA-hxm8-2xgr-2p9m")
def _() -> None:
    """A signature has one spelling: no padding, space, foreign letter or stray bit, at any place."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for algorithm in ("ES256", "RS256", "ES384", "EdDSA", "ML-DSA-44"):
        signing = key(algorithm)
        honest = mint(signing, CLAIMS)
        by = verifier(jwk(signing))
        assert code(honest, by) is None
        odd = [honest + more for more in ("=", "==", "===", "====", " ", "\n", "\0", "!", "A", ".")]
        odd += [honest[:-5] + piece + honest[-5:] for piece in (" ", "\n", "=", "\r\n", "+", "/", "\0", "%")]
        rest = len(honest.rpartition(".")[2]) % 4
        odd += [honest[:-1] + letters[letters.index(honest[-1]) ^ 1]] * (rest != 0)
        assert {code(raw, by) for raw in odd} <= {"token_malformed", "signature_invalid"}
        assert {code(raw, by) for raw in odd[:4]} == {"token_malformed"}


@advisory("CVE-2022-23529", "CVE-2022-23539")
def _() -> None:
    """What is handed over as keys is of the right type, or is refused when the verifier is built."""
    wrong: list[Any] = [{"keys": []}, [jwk(key())], b"pem", 42, {"toString": 1}, "not a url", ""]
    for keys in wrong:
        with pytest.raises(Misconfigured):
            Verifier(ISSUER, audience="api", keys=keys)
    for pem in ("", b"", "secret", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"):
        with pytest.raises(Misconfigured):
            Key.from_pem(pem)
    legacy = {"kty": "DSA", "p": "AQ", "q": "AQ", "g": "AQ", "y": "AQ"}
    assert [one.reason for one in KeySet.parse(legacy).skipped] == ["unknown_kty"]
    assert [one.reason for one in KeySet.parse(jwk(key(), crv="P-192")).skipped] == ["unknown_curve"]
    for raw in (None, 42, ["a.b.c"], {"token": 1}, bytearray(b"a.b.c")):
        with pytest.raises(TypeError):
            verifier().verify(raw)  # type: ignore[arg-type]


KIDS = (
    "../../../dev/null",
    "' OR 1=1 --",
    "k\r\nset-cookie: x",
    "\x1b[2J",
    "k\0",
    "${jndi:ldap://x}",
    "|sleep 9",
)
KIDS += ("https://evil.example/k", "\u202ek", "%0d%0a", "a" * 9000, "<script>")


@advisory("kid injection")
def _() -> None:
    """A kid is data: in no URL, and in messages escaped and short."""
    server = site()
    by = over(server)
    for kid in KIDS:
        with pytest.raises(TokenRejected) as caught:
            by.verify(token({"alg": "ES256", "kid": kid}, by=stranger()))
        told = f"{caught.value} {caught.value!r}"
        assert told.isascii()
        assert told.isprintable()
        assert len(told) < 800
        steps = repr(by.explain(token({"alg": "ES256", "kid": kid}, by=stranger())))
        assert kid.isprintable() or kid not in steps
    assert set(server.asked) == {f"{ISSUER}/.well-known/openid-configuration", f"{ISSUER}/keys"}


@advisory("CVE-2022-29165", "CVE-2023-22482", "FastMCP PR #3204", "#2764")
def _() -> None:
    """An audience must be named, or waived aloud."""
    with pytest.raises(Misconfigured, match="audience is missing"):
        Verifier(ISSUER)  # type: ignore[call-arg]
    nothing: list[Any] = [None, "", [], [""], 1, ["api", None]]
    for audience in nothing:
        with pytest.raises(Misconfigured):
            verifier(audience=audience)
    refused("claims_rejected", [claiming(aud="another"), claiming(aud=ANY)])
    assert code(claiming(aud="another"), verifier(audience=ANY)) is None


@advisory("CVE-2023-22893")
def _() -> None:
    """Any bit flipped anywhere is refused, with the token it came from remembered."""
    by = verifier(remember=1024)
    honest = mint(key(), CLAIMS).encode()
    assert code(honest, by) is None
    for bit in range(8 * len(honest)):
        flipped = bytearray(honest)
        flipped[bit // 8] ^= 1 << bit % 8
        assert code(bytes(flipped), by) is not None


@advisory("CVE-2025-65015")
def _() -> None:
    """No error says what the token says: no part of it, no claim beyond the issuer, whatever is wrong."""
    secret = "s3cr3t-claim-value"
    private = {"sub": secret, "email": secret, "scope": secret, "nonce": secret}
    odd = [claiming(**private, aud=secret), claiming(**private, exp=secret), claiming(**private, exp=NOW - 1)]
    odd += [
        token(HEAD | {"typ": secret}),
        token(HEAD | {"crit": [secret]}),
        secret,
        f"{secret}.{secret}",
        "." * 70_000,
    ]
    odd += [
        claiming(**private)[:-4] + "AAAA",
        token(HEAD, secret.encode()),
        f"{{{secret}",
        token({"alg": secret}),
    ]
    for raw in odd:
        with pytest.raises(TokenRejected) as caught:
            verifier(require="admin").verify(raw)
        told = f"{caught.value} {caught.value!r} {caught.value.hint}"
        assert secret not in told
        assert not any(part in told for part in raw.split(".") if len(part) > 8)


@advisory("CVE-2026-28498")
def _() -> None:
    """An `at_hash` that cannot be checked is not passed: no hash known, absent, of another type or text."""
    by_name = {name: verifier(jwk(key(name)), profile="id") for name in ("ES256", "Ed448", "ML-DSA-44")}
    access, digest = "access", hashlib.sha256(b"access").digest()
    good = encode(digest[:16])
    for name, by in by_name.items():
        for at_hash in (good, encode(digest), "", 1, [good], None, ANY):
            claims = {n: v for n, v in (CLAIMS | {"at_hash": at_hash}).items() if v is not ANY}
            try:
                by.verify(mint(key(name), claims), access_token=access)
            except TokenRejected as error:
                found = error.code
            else:
                found = "accepted"
            assert found == ("accepted" if name == "ES256" and at_hash is good else "claims_rejected")


RFC8725BIS = {
    "3.1 algorithm verification": "CVE-2026-48523",
    "3.2 appropriate algorithms": "CVE-2022-23540",
    "3.3 validate all cryptographic operations": "CVE-2026-29000",
    "3.4 validate cryptographic inputs": "CVE-2022-21449",
    "3.5 cryptographic keys have enough entropy": "CVE-2017-15361",
    "3.6 no compression of encryption inputs": "CVE-2024-28180",
    "3.7 use UTF-8": "duplicate members",
    "3.8 validate issuer and subject": "CVE-2024-53861",
    "3.9 use and validate audience": "CVE-2022-29165",
    "3.10 do not trust received claims": "CVE-2024-21643",
    "3.11 use explicit typing": "draft-ietf-oauth-rfc8725bis-07",
    "3.12 mutually exclusive validation rules": "draft-ietf-oauth-rfc8725bis-07",
}


@advisory("draft-ietf-oauth-rfc8725bis-07")
def _() -> None:
    """Each practice has its test above; here those of kinds of token, which no advisory names."""
    assert set(RFC8725BIS.values()) <= IDS
    event = {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}, "jti": "1"}
    logout = mint(key(), CLAIMS | event, header={"typ": "logout+jwt"})
    assert [code(logout, verifier(profile=p)) for p in ("logout", "access")] == [None, "claims_rejected"]
    for kind in ("dpop+jwt", "secevent+jwt", "logout+jwt", "entity-statement+jwt", "JOSE"):
        refused("claims_rejected", [mint(key(), CLAIMS, header={"typ": kind})])
    refused(
        "token_malformed", [token(HEAD, json.dumps(CLAIMS).encode("utf-16")), token(HEAD, b'{"sub":"\xff"}')]
    )


# -- the tests ---------------------------------------------------------------------------------------------


SLOW = {"CVE-2025-2559", "CVE-2026-48524", "CVE-2025-64527", "lab S13"}
"""What makes hundreds of issuers, or of tokens, or waits in real time."""


def each_once() -> list[Any]:
    """Every id. A test that answers for several runs once where the time is short."""
    acts = list(ADVISORIES.values())
    slow = {
        name for at, name in enumerate(ADVISORIES) if acts[at] in acts[:at] or name.rpartition("-")[0] in SLOW
    }
    return [pytest.param(name, marks=[pytest.mark.slow] if name in slow else []) for name in ADVISORIES]


@pytest.mark.parametrize("name", each_once())
def test_it_cannot_happen_here(name: str) -> None:
    """Each advisory by its id."""
    ADVISORIES[name]()


def rows() -> list[str]:
    """The first cell of each row."""
    lines = LIST.read_text().splitlines() if LIST.is_file() else []
    cells = [line.split("|")[1].strip() for line in lines if line.startswith("|")]
    return [cell for cell in cells if cell.lower() != "id" and set(cell) != {"-"}]


WITHOUT_NUMBER = (
    "heimdall#3444",
    "iss-driven SSRF",
    "duplicate members",
    "kid injection",
    "lab S13",
    "AISEC-82/83",
)
WITHOUT_NUMBER += ("draft-ietf-oauth-rfc8725bis-07", "FastMCP PR #3204")


@pytest.mark.skipif(not LIST.is_file(), reason="../shared/field is not here")
@pytest.mark.parametrize("row", rows())
def test_every_row_of_the_list_has_its_test(row: str) -> None:
    """Every id in the row is one of those above."""
    numbered, year = set(re.findall(r"GHSA-[\w-]+", row)), ""
    for found, number in re.findall(r"(?:CVE-(\d{4})|(?<=[,/] )|(?<=\d)/)-?(\d{4,5})(?![\w-])", row):
        year = found or year
        numbered.add(f"CVE-{year}-{number}")
    assert numbered <= IDS
    assert numbered or any(name in row for name in WITHOUT_NUMBER)


@pytest.mark.skipif(not LIST.is_file(), reason="../shared/field is not here")
def test_every_row_was_read() -> None:
    """Both tables, general and Python."""
    assert len(rows()) == 78
