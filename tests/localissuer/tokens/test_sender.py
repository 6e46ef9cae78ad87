"""Sender: a client that proves to hold its key."""

from __future__ import annotations

import json

from rightkey.jose.base64url import decode
from rightkey.jose.key import Key
from rightkey.localissuer import Sender

URL = "https://api.example.com/a"


def parts(proof: str) -> list[dict[str, object]]:
    return [json.loads(decode(part.encode())) for part in proof.split(".")[:2]]


def test_a_proof_is_as_rfc_9449_has_it() -> None:
    """Section 4.2, with the key's public half; each has a `jti` of its own."""
    sender = Sender("Ed25519", clock=lambda: 5.5)
    header, claims = parts(sender.proof("GET", f"{URL}?b#c", "a.b.c"))
    assert header == {"typ": "dpop+jwt", "alg": "Ed25519", "jwk": sender.jwk}
    assert "d" not in sender.jwk
    assert {name: claims[name] for name in ("htm", "htu", "iat")} == {"htm": "GET", "htu": URL, "iat": 5}
    assert claims["ath"] == "hF4wRIgJ4ryJWOsCW_x5UjXROwd6U9DDq70jhRcNybg"
    assert claims["jti"] != parts(sender.proof("GET", URL, "a.b.c"))[1]["jti"]
    assert sender.cnf == {"jkt": Key.from_jwk(sender.jwk).thumbprint}


def test_a_proof_may_be_spoiled() -> None:
    """By what is replaced, added or left out; one for the token endpoint has no `ath`."""
    header, claims = parts(Sender().proof("POST", URL, header={"typ": None, "kid": "a"}, iat=None, nonce="n"))
    assert (header.keys(), claims.keys()) == ({"alg", "jwk", "kid"}, {"jti", "htm", "htu", "nonce"})


def test_a_request_has_two_headers() -> None:
    """The token, and a proof for it."""
    sender = Sender()
    headers = sender.headers("GET", URL, "a.b.c", nonce="n")
    assert headers["Authorization"] == "DPoP a.b.c"
    assert parts(headers["DPoP"])[1]["nonce"] == "n"
