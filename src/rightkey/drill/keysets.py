"""Key sets with something odd in them, and keys that are published as not to be used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rightkey.drill.exercise import Exercise
from rightkey.drill.row import Kind
from rightkey.drill.stage import Skipped, Stage
from rightkey.localissuer import Fault, SigningKey

_ODDITIES = 3.0  # seconds in which a service that has just been started finds the good key
_IGNORE = "RFC 7517, 5"
_ONE_BY_ONE = "read the members of keys one by one, and skip what you cannot use"

Document = dict[str, Any]


def _before(make: Callable[[], Any], name: str) -> Fault:
    """One more member before the good keys."""

    def rewrite(document: Document, _: object) -> Document:
        return document | {"keys": [make(), *document["keys"]]}

    return Fault(name, rewrite=rewrite, endpoints=frozenset({"jwks", "moved"}))


def _new_key(algorithm: str) -> Callable[[], Document]:
    return lambda: SigningKey.generate(algorithm, kid=f"drill-{algorithm.lower()}").public_jwk()


def _odd(fault: str | Fault, what: str, reference: str, why: str, remedy: str = _ONE_BY_ONE) -> Exercise:
    """The good key has to be found in spite of it."""

    def play(stage: Stage) -> str:
        stage.misbehaves(fault)
        stage.unheld()
        took = stage.accepts_within(stage.good, _ODDITIES if stage.fresh else stage.times.noticed)
        return f"the good key was found after {took:.1f} s"

    expected = f"accept a good token where the key set has {what}"
    return Exercise(
        play, expected, reference, why, remedy, kind="advice", fresh=True, fault=fault, starts=True
    )


def _unfit(fault: str, what: str, reference: str, why: str, remedy: str, *, must: bool = False) -> Exercise:
    """The key that signs is published as one that must not be used."""

    def play(stage: Stage) -> str:
        if not stage.fresh:
            stage.renew()
            stage.issuer.rotate(surprise=True)  # a key that has never been seen as one to use
        stage.misbehaves(fault)
        stage.unheld()
        try:
            answer = stage.refuses(stage.good(), "its token")
            if stage.requests == 0:
                raise Skipped("the service did not look at the issuer's keys")
        finally:
            stage.issuer.rotate(surprise=True)
        return f"its token was {answer}"

    kind: Kind = "must" if must else "advice"
    expected = f"refuse the token of a key {what}"
    return Exercise(play, expected, reference, why, remedy, kind=kind, fresh=True, fault=fault)


def _hmac_without_alg(stage: Stage) -> str:
    stage.renew()
    stage.misbehaves("no-alg")
    stage.unheld()
    stage.ready()
    for name in ("hs-empty", "hs-pubkey", "hs-pubkey-jwk"):
        stage.refuses(stage.attack(name), f"{name} beside a key without alg")
    return "HMAC was refused beside keys without alg"


_RSA = {"kty": "RSA", "n": "AQAB", "use": "sig", "kid": "drill-no-e"}

EXERCISES: Mapping[str, Exercise] = {
    "set: unknown kty": _odd(
        _before(lambda: {"kty": "LWE", "kid": "drill-lwe"}, "unknown-kty"),
        "a key of an unknown kty first",
        _IGNORE,
        "the first key of a new type would take the service down on the day it is published",
    ),
    "set: key without e": _odd(
        _before(lambda: dict(_RSA), "no-e"),
        "an RSA key without e first",
        _IGNORE,
        "one broken member would hide all good ones",
    ),
    "set: null member": _odd(
        _before(lambda: None, "null-member"),
        "null first",
        "RFC 7517, 5",
        "one broken member would hide all good ones",
    ),
    "set: text member": _odd(
        _before(lambda: "key", "text-member"),
        "a string first",
        "RFC 7517, 5",
        "one broken member would hide all good ones",
    ),
    "set: Ed25519 key": _odd(
        _before(_new_key("EdDSA"), "okp-member"),
        "an Ed25519 key first",
        _IGNORE,
        "issuers add Ed25519 keys beside their RSA ones",
    ),
    "set: ML-DSA key": _odd(
        _before(_new_key("ML-DSA-65"), "akp-member"),
        "an ML-DSA key first",
        _IGNORE,
        "issuers will add post-quantum keys (RFC 9964)",
    ),
    "set: kid twice": _odd(
        "duplicate-kid",
        "another key with the same kid",
        "RFC 7517, 4.5",
        "issuers have published two keys by one name, and half of the users were signed out",
        "try each key that has the kid, and a few at most",
    ),
    "set: no alg": _odd(
        "no-alg",
        "keys without alg",
        "RFC 7517, 4.4",
        "alg is optional: Entra's keys have none",
        "allow algorithms by configuration where the key names none",
    ),
    "set: bare keys": _odd(
        "bare",
        "keys with kty, their numbers and kid alone",
        "RFC 7517, 4",
        "all members but the key's numbers and its kid are optional",
        "require kty and the key's numbers alone",
    ),
    "set: broken certificate": _odd(
        "broken-certificate",
        "an x5c that cannot be read",
        "RFC 7517, 4.7",
        "a certificate that cannot be read says nothing against the key beside it",
        "take the key from its numbers, and do not fail on x5c",
    ),
    "key: of another algorithm": _unfit(
        "other-alg",
        "whose alg is another than the token's",
        "RFC 8725, 3.1",
        "a key is for one algorithm: used with two, it has broken both",
        "compare the key's alg with the token's, and refuse where they differ",
        must=True,
    ),
    "key: no alg, HMAC": Exercise(
        _hmac_without_alg,
        "refuse tokens by HMAC where the issuer's keys name no algorithm",
        "RFC 8725, 3.1; CVE-2026-22817; CVE-2026-44699",
        "without the key's alg the token's is believed, and the public key becomes a secret",
        "take the algorithm from your configuration, never from the token alone",
        fresh=True,
        fault="no-alg",
    ),
    "key: for encryption": _unfit(
        "use-enc",
        "with use enc",
        "RFC 7517, 4.2",
        "a key for encryption may be held by others than the issuer",
        "skip keys with use enc",
    ),
    "key: for encryption, by key_ops": _unfit(
        "key-ops-encrypt",
        "whose key_ops lack verify",
        "RFC 7517, 4.3",
        "a key for encryption may be held by others than the issuer",
        "skip keys whose key_ops lack verify",
    ),
    "key: with another's certificate": _unfit(
        "other-certificate",
        "whose x5c holds another key",
        "RFC 7517, 4.7",
        "the key and its certificate contradict each other: one of them was slipped in",
        "where x5c is there, compare its key with the JWK's",
    ),
    "key: private": _unfit(
        "private-members",
        "that is published with its private half",
        "CVE-2026-31837",
        "a key whose private half is published can be used by everyone",
        "skip keys with private members, and sound an alarm",
    ),
}
"""Every exercise of these by name."""
