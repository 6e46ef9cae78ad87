"""The four libraries, each used as its documentation says, with the same rules: these algorithms, this
issuer, this audience, and an expiry that must be there.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

from fuzz.differential.case import AUDIENCE, ISSUER
from rightkey import IssuerFault, KeySet, TokenRejected, Verifier
from rightkey.jose.algorithms import ALGORITHMS

ALLOWED = [name for name in ALGORITHMS if not name.startswith("ML-DSA")]  # which none of the others has


class Refused(Exception):
    """The library refuses the key set or the token. Says why, in its own words."""


Reader = Callable[[bytes, bytes], None]
"""Called with a key set and a token; returns if it accepts, and raises otherwise."""


def rightkey(key_set: bytes, token: bytes) -> None:
    """By the rules of the library under test: whatever else leaves it is a finding, and not a refusal."""
    try:
        keys = KeySet.parse(key_set, published=True)
        Verifier(ISSUER, audience=AUDIENCE, keys=keys, algorithms=ALLOWED, remember=0).verify(token)
    except (TokenRejected, IssuerFault) as error:
        raise Refused(f"{error.code}: {error}") from None


def pyjwt(key_set: bytes, token: bytes) -> None:
    """By PyJWKClient, which is told the key set instead of fetching it."""
    import jwt

    class Given(jwt.PyJWKClient):
        """A client that has fetched."""

        def fetch_data(self) -> object:
            """The answer's JSON."""
            return json.loads(key_set)

    key = Given(ISSUER).get_signing_key_from_jwt(token.decode())
    required = {"require": ["exp", "iss", "aud"]}
    algorithms = [name for name in ALLOWED if name in jwt.algorithms.get_default_algorithms()]
    jwt.decode(token.decode(), key, algorithms, options=required, audience=AUDIENCE, issuer=ISSUER)


def joserfc(key_set: bytes, token: bytes) -> None:
    """By its key set and its registry of claims."""
    from joserfc import jwt
    from joserfc.jwk import KeySet as Keys

    found = jwt.decode(token.decode(), Keys.import_key_set(json.loads(key_set)), algorithms=ALLOWED)
    jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": AUDIENCE},
        exp={"essential": True},
    ).validate(found.claims)


def jwcrypto(key_set: bytes, token: bytes) -> None:
    """By its JWT, which judges claims as it reads."""
    from jwcrypto.jwk import JWKSet
    from jwcrypto.jwt import JWT

    asked = {"iss": ISSUER, "aud": AUDIENCE, "exp": None}
    keys = JWKSet.from_json(key_set.decode())
    JWT(jwt=token.decode(), key=keys, algs=ALLOWED, check_claims=asked, expected_type="JWS")


READERS: dict[str, Reader] = {"PyJWT": pyjwt, "joserfc": joserfc, "jwcrypto": jwcrypto}


def missing() -> list[str]:
    """Which of the other libraries are not installed."""
    return [name for name in READERS if not installed(name)]


def installed(name: str) -> str | None:
    """The version of a library, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def ask(reader: Reader, key_set: bytes, token: bytes) -> str | None:
    """Why another library refuses, or None. Whatever it raises counts: that is its own affair."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reader(key_set, token)
    except Exception as error:  # noqa: BLE001 - some raise KeyError, AttributeError, RecursionError ...
        return f"{type(error).__name__}: {error}"
    return None
