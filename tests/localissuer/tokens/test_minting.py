"""The local issuer's tokens: header, claims and signature as asked for."""

from __future__ import annotations

import jwt

from rightkey.localissuer.keys.signing import Form, SigningKey
from rightkey.localissuer.tokens.minting import compact, mint

KEY = SigningKey.generate("ES256", Form(certificates=False), kid="k1")


def test_an_honest_header() -> None:
    """alg, typ and kid, as Auth0's tokens have them."""
    assert jwt.get_unverified_header(mint(KEY, {})) == {"alg": "ES256", "typ": "JWT", "kid": "k1"}


def test_header_parameters_can_be_changed_added_and_left_out() -> None:
    """None leaves one out; what is given replaces what would have been."""
    header = jwt.get_unverified_header(mint(KEY, {}, header={"kid": None, "typ": "at+jwt", "x5t": "t"}))
    assert header == {"alg": "ES256", "typ": "at+jwt", "x5t": "t"}


def test_any_octets_can_be_a_header() -> None:
    """Malformed headers can be signed as they are."""
    assert compact(b"{", b"{}", lambda data: data) == "ew.e30.ZXcuZTMw"
