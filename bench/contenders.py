"""Whom a user would pick instead, each doing its whole job on a token: signature, issuer, audience and times.

A contender is given the issuer's key set, and returns a function of a token; it may raise where it does not
know the algorithm.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from rightkey import KeySet, Verifier
from rightkey.localissuer import LocalIssuer

Verify = Callable[[str], Any]


class Stage(NamedTuple):
    """An issuer, and what its tokens must be."""

    issuer: LocalIssuer
    alg: str
    jwks: Mapping[str, Any]

    @property
    def url(self) -> str:
        return self.issuer.url

    @property
    def jwk(self) -> dict[str, Any]:
        """The key that signs now."""
        (found,) = [key for key in self.jwks["keys"] if key["kid"] == self.issuer.current.kid]
        return dict(found)


class Contender(NamedTuple):
    """`ready` has the key at hand, `client` finds it by the contender's own means."""

    name: str
    ready: Callable[[Stage], Verify]
    client: Callable[[Stage], Verify] | None = None


def rightkey_ready(stage: Stage) -> Verify:
    keys = KeySet.parse(json.dumps(stage.jwks))
    return Verifier(stage.url, audience=stage.issuer.audience, keys=keys, remember=0).verify


def rightkey_client(stage: Stage) -> Verify:
    return Verifier(stage.url, audience=stage.issuer.audience, remember=0).verify


def rightkey_remembering(stage: Stage) -> Verify:
    return Verifier(stage.url, audience=stage.issuer.audience).verify


def pyjwt_ready(stage: Stage) -> Verify:
    import jwt

    key, allowed = jwt.PyJWK.from_dict(stage.jwk), [stage.alg]
    return lambda token: jwt.decode(
        token, key, algorithms=allowed, audience=stage.issuer.audience, issuer=stage.url
    )


def pyjwt_client(stage: Stage) -> Verify:
    import jwt

    client, allowed = jwt.PyJWKClient(stage.url + ".well-known/jwks.json"), [stage.alg]
    return lambda token: jwt.decode(
        token,
        client.get_signing_key_from_jwt(token),
        algorithms=allowed,
        audience=stage.issuer.audience,
        issuer=stage.url,
    )


def oxyjwt_ready(stage: Stage) -> Verify:
    import oxyjwt

    key, allowed = oxyjwt.PyJWK(stage.jwk).key, [stage.alg]
    return lambda token: oxyjwt.decode(
        token, key, algorithms=allowed, audience=stage.issuer.audience, issuer=stage.url
    )


def oxyjwt_client(stage: Stage) -> Verify:
    import oxyjwt

    client, allowed = oxyjwt.PyJWKClient(stage.url + ".well-known/jwks.json"), [stage.alg]
    return lambda token: oxyjwt.decode(
        token,
        client.get_signing_key_from_jwt(token).key,
        algorithms=allowed,
        audience=stage.issuer.audience,
        issuer=stage.url,
    )


def joserfc_ready(stage: Stage) -> Verify:
    from joserfc import jwk, jwt

    key = jwk.import_key(stage.jwk)
    claims = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": stage.url},
        aud={"essential": True, "value": stage.issuer.audience},
        exp={"essential": True},
    )

    def verify(token: str) -> Any:
        decoded = jwt.decode(token, key, algorithms=[stage.alg])
        claims.validate(decoded.claims)
        return decoded

    return verify


def authlib_ready(stage: Stage) -> Verify:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that joserfc is to come after it
        from authlib.jose import JsonWebKey, JsonWebToken

    key, jwt = JsonWebKey.import_key(stage.jwk), JsonWebToken([stage.alg])
    options = {
        "iss": {"essential": True, "value": stage.url},
        "aud": {"essential": True, "value": stage.issuer.audience},
        "exp": {"essential": True},
    }

    def verify(token: str) -> Any:
        claims = jwt.decode(token, key, claims_options=options)
        claims.validate()
        return claims

    return verify


def jwcrypto_ready(stage: Stage) -> Verify:
    from jwcrypto import jwk, jwt

    key = jwk.JWK(**stage.jwk)
    claims = {"iss": stage.url, "aud": stage.issuer.audience, "exp": None}

    def verify(token: str) -> Any:
        return json.loads(jwt.JWT(jwt=token, key=key, algs=[stage.alg], check_claims=claims).claims)

    return verify


def python_jose_ready(stage: Stage) -> Verify:
    from jose import jwt

    return lambda token: jwt.decode(
        token, stage.jwk, algorithms=[stage.alg], audience=stage.issuer.audience, issuer=stage.url
    )


CONTENDERS = (
    Contender("rightkey", rightkey_ready, rightkey_client),
    Contender("PyJWT", pyjwt_ready, pyjwt_client),
    Contender("oxyjwt", oxyjwt_ready, oxyjwt_client),
    Contender("joserfc", joserfc_ready),
    Contender("Authlib", authlib_ready),
    Contender("jwcrypto", jwcrypto_ready),
    Contender("python-jose", python_jose_ready),
)
