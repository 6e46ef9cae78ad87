"""Tokens that are forged, or whose header forbids to accept them: the attacks of the local issuer, and more.

Each is as a good token but for one thing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import orjson

from rightkey.drill.exercise import LIBRARY, AtJwt, Exercise, refusing
from rightkey.drill.row import Kind
from rightkey.drill.stage import Failed, Skipped, Stage
from rightkey.jose.base64url import decode, encode

_ALLOW = "allow the issuer's algorithms by name, none and HMAC not among them, before any key is looked up"
_BIND = "check that the key's type, and its alg where it has one, is that of the token's algorithm"
_KEYS = "take keys from the issuer alone; read no key, certificate or URL from a token"
_VERIFY = "check the signature over the exact octets received, and refuse where the check fails or raises"
_CRIT = "refuse a token whose crit lists what you do not understand, and do not accept b64 in a JWT"
_HEADER = "refuse a header with a name twice, or read it with a parser that takes the last"
_TYP = "check typ: take what access tokens have, and nothing else"

_ANYONE = "anyone can make such a token, for any user"
_CONFUSED = "the public key is used as a secret: anyone can make such a token, for any user"
_LURED = "the token is checked by the forger's own key"
_ELLIPTIC = ("psychic", "der-signature")  # with another key than an ECDSA one they prove nothing
_INJECTED = "the kid reaches a file or a database, and the forger chooses the secret"

Told = tuple[str, str, str, str]
"""What is sent, reference, why and remedy."""

_FOREIGN = "a token by a stranger's key"
_HMAC = "a token by HS256, whose secret is"
_UNSIGNED = "a token without a signature"
_SIGNED = "which the issuer signed"

ATTACKS: Mapping[str, Told] = {
    "alg-none": (f"{_UNSIGNED}, whose alg is none", "RFC 7518, 3.6; CVE-2022-23540", _ANYONE, _ALLOW),
    "alg-none-mixed-case": (
        f"{_UNSIGNED}, whose alg is nOnE",
        f"{LIBRARY} with RFC 7515, 4.1.1",
        _ANYONE,
        _ALLOW,
    ),
    "alg-none-with-signature": (
        f"a token whose alg is none, {_SIGNED} all the same",
        "RFC 7518, 3.6",
        "what is not checked can be changed",
        _ALLOW,
    ),
    "alg-missing": (f"{_UNSIGNED} and without alg", "RFC 7515, 4.1.1", _ANYONE, _ALLOW),
    "hs-pubkey": (
        f"{_HMAC} the issuer's public key in PEM",
        "RFC 8725, 3.1; CVE-2016-10555",
        _CONFUSED,
        f"{_ALLOW}; {_BIND}",
    ),
    "hs-pubkey-der": (
        f"{_HMAC} the issuer's public key in DER",
        "RFC 8725, 3.1; CVE-2022-29217",
        _CONFUSED,
        f"{_ALLOW}; {_BIND}",
    ),
    "hs-pubkey-jwk": (
        f"{_HMAC} the issuer's public key as a JWK",
        "RFC 8725, 3.1; CVE-2026-48526",
        _CONFUSED,
        f"{_ALLOW}; {_BIND}",
    ),
    "hs-empty": (
        f"{_HMAC} empty",
        "RFC 7518, 3.2; CVE-2026-45363",
        "an empty secret is known to all",
        f"{_ALLOW}; {_BIND}",
    ),
    "crit": (
        f'a token with crit ["x-unknown"], {_SIGNED}',
        "RFC 7515, 4.1.11; CVE-2026-32597",
        "the issuer made a condition that is not kept, such as proof of possession",
        _CRIT,
    ),
    "b64-false": (
        f'a token with b64 false and crit ["b64"], {_SIGNED}',
        "RFC 7797, 7; RFC 7515, 4.1.11; CVE-2026-48525",
        "two verifiers read two payloads from one token",
        _CRIT,
    ),
    "jwk-header": (
        f"{_FOREIGN}, with that key as jwk in its header",
        "RFC 8725, 3.8; CVE-2018-0114",
        _LURED,
        _KEYS,
    ),
    "jku-header": (
        f"{_FOREIGN}, with a jku that leads to that key",
        "RFC 8725, 3.8; CVE-2018-0114",
        f"{_LURED}, fetched from where the token says",
        _KEYS,
    ),
    "x5u-header": (
        f"{_FOREIGN}, with an x5u that leads to its certificate",
        "RFC 8725, 3.8",
        f"{_LURED}, fetched from where the token says",
        _KEYS,
    ),
    "x5c-header": (f"{_FOREIGN}, with its certificate as x5c", "RFC 8725, 3.8", _LURED, _KEYS),
    "kid-crlf": (
        f"{_FOREIGN}, with a line break in its kid",
        "RFC 8725, 3.3",
        "a kid with a line break forges lines of the log, or headers",
        _VERIFY,
    ),
    "kid-path": (
        f"{_HMAC} empty, with the path of /dev/null as kid",
        "RFC 8725, 3.1",
        _INJECTED,
        f"{_ALLOW}; a kid is data, never a path",
    ),
    "kid-sql": (
        f"{_HMAC} a word, with SQL that selects this word as kid",
        "RFC 8725, 3.1",
        _INJECTED,
        f"{_ALLOW}; a kid is data, never SQL",
    ),
    "huge-kid": (
        f"{_FOREIGN}, with a kid of 64 KiB",
        "RFC 8725, 3.3; CVE-2025-61920",
        "64 KiB of header cost memory",
        "bound a token's length",
    ),
    "psychic": (
        "a token whose ECDSA signature is zeros",
        f"{LIBRARY}; CVE-2022-21449",
        "a signature of zeros fits every key",
        _VERIFY,
    ),
    "der-signature": (
        f"a token with its ECDSA signature in DER, {_SIGNED}",
        "RFC 7518, 3.4",
        "a second form of each signature evades lists of known tokens",
        _VERIFY,
    ),
    "wrong-key": (f"{_FOREIGN} under the kid of the issuer's", "RFC 8725, 3.3", _ANYONE, _VERIFY),
    "stripped-signature": (
        "a good token with nothing after its second dot",
        "RFC 8725, 3.3; CVE-2020-28042",
        _ANYONE,
        _VERIFY,
    ),
    "duplicate-alg": (
        f"a token with alg twice, the honest one and then none, {_SIGNED}",
        "RFC 7515, 4",
        "another verifier reads another algorithm from the same token",
        f"{_HEADER}; check alg",
    ),
    "nested-jwe": (
        "a token of five parts, as an encrypted one has",
        f"{LIBRARY}; CVE-2026-29000",
        "an encrypted token is not a signed one",
        _VERIFY,
    ),
}
"""What the local issuer forges, and a standard forbids."""


def tampered(stage: Stage) -> str:
    """An hour more of life than was signed: same subject, same rights."""
    head, payload, signature = stage.good().split(".")
    claims = orjson.loads(decode(payload.encode()))
    return f"{head}.{encode(orjson.dumps(claims | {'exp': claims['exp'] + 3600}))}.{signature}"


def jwk_for_unknown(stage: Stage) -> str:
    """The forger's key beside a kid that leads nowhere: a look-up that finds nothing must not fall back."""
    jwk = {name: value for name, value in stage.stranger.public_jwk().items() if not name.startswith("x5")}
    return stage.good(stage.stranger, {"kid": "unknown", "jwk": jwk})


def lures(stage: Stage) -> str:
    """A URL in a token is never asked for, whatever becomes of the token."""
    stage.ready()
    for name in ("jku-header", "x5u-header"):
        stage.ask(stage.attack(name))
    asked = sum(stage.issuer.requests[name] for name in ("attacker-jwks", "attacker-certificate"))
    if asked:
        raise Failed(f"the URLs in the tokens were asked {asked} times")
    return "no URL in a token was asked"


def _attack(name: str) -> Callable[[Stage], str]:
    def make(stage: Stage) -> str:
        if name in _ELLIPTIC and not stage.issuer.algorithm.startswith("ES"):
            raise Skipped(f"the issuer signs by {stage.issuer.algorithm}: --alg ES256 tests it")
        return stage.attack(name)

    return make


def _refused(make: Callable[[Stage], str], told: Told, kind: Kind | AtJwt = "must") -> Exercise:
    what, reference, why, remedy = told
    return Exercise(refusing(make), f"answer 4xx to {what}", reference, why, remedy, kind=kind)


EXERCISES: Mapping[str, Exercise] = {
    **{f"attack: {name}": _refused(_attack(name), told) for name, told in ATTACKS.items()},
    "attack: tampered-payload": _refused(
        tampered,
        ("a good token whose exp was changed", "RFC 8725, 3.3; CVE-2026-35030", _ANYONE, _VERIFY),
    ),
    "attack: jwk-header-unknown-kid": _refused(
        jwk_for_unknown,
        (
            f"{_FOREIGN}, with that key as jwk and an unknown kid",
            "RFC 8725, 3.8; CVE-2026-27962",
            _LURED,
            _KEYS,
        ),
    ),
    "attack: lures": Exercise(
        lures,
        "ask no URL that stands in a token",
        "CVE-2024-21643; RFC 8725, 3.10",
        "a stranger makes the service send requests inside your network",
        _KEYS,
    ),
    "attack: crit-empty": _refused(
        _attack("crit-empty"),
        (
            f"a token with an empty crit, {_SIGNED}",
            "RFC 7515, 4.1.11",
            "no issuer may send it, so something is wrong with this one",
            _CRIT,
        ),
        "advice",
    ),
    "attack: b64-false-uncritical": _refused(
        _attack("b64-false-uncritical"),
        (
            f"a token with b64 false and no crit, {_SIGNED}",
            "RFC 7797, 6",
            "a verifier that knows b64 reads another payload than one that does not",
            _CRIT,
        ),
        "advice",
    ),
    "attack: typ-logout": _refused(
        _attack("typ-logout"),
        (
            f"a logout token (typ logout+jwt), {_SIGNED}",
            "RFC 9068, 4; RFC 8725, 3.11",
            "a token for one purpose is used for another",
            _TYP,
        ),
        "at+jwt",
    ),
}
"""Every exercise of these by name."""
