"""Whom a user would pick instead, each doing its whole job on a token: signature, issuer, audience and times.

A contender is given the issuer's key set, and returns a function of a token, which is awaited where the
contender says so; it may raise where it does not know the algorithm.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from rightkey import AsyncVerifier, KeySet, Verifier, awslc
from rightkey.exchange import Request
from rightkey.jose.algorithms import ALGORITHMS
from rightkey.localissuer import LocalIssuer

Verify = Callable[[str], Any]

# They warn of http on this machine and of what is to come; that must not take part in the race.
warnings.simplefilter("ignore")


class Stage(NamedTuple):
    """An issuer, and what its tokens must be."""

    issuer: LocalIssuer
    alg: str
    jwks: Mapping[str, Any]

    @classmethod
    def of(cls, issuer: LocalIssuer, alg: str = "RS256") -> Stage:
        """With the key that signs now."""
        return cls(issuer, alg, {"keys": [issuer.current.public_jwk()]})

    @property
    def url(self) -> str:
        return self.issuer.url

    @property
    def jwks_uri(self) -> str:
        """Where the keys are on this machine, whatever the issuer is called."""
        return f"http://127.0.0.1:{self.issuer.port}/.well-known/jwks.json"

    @property
    def transport(self) -> Any:
        """For those who go by the issuer's name: to this issuer, where the name leads elsewhere."""
        return None if self.url.startswith("http:") else self.issuer.transport()

    @property
    def jwk(self) -> dict[str, Any]:
        """The key that signs now."""
        (found,) = [key for key in self.jwks["keys"] if key["kid"] == self.issuer.current.kid]
        return dict(found)


class Contender(NamedTuple):
    """`ready` has the key at hand, `client` finds it by the contender's own means."""

    name: str
    ready: Callable[[Stage], Verify] | None = None
    client: Callable[[Stage], Verify] | None = None
    awaited: bool = False


def rightkey_ready(stage: Stage) -> Verify:
    keys = KeySet.parse(json.dumps(stage.jwks))
    return Verifier(stage.url, audience=stage.issuer.audience, keys=keys, remember=0).verify


def rightkey_client(stage: Stage) -> Verify:
    return Verifier(stage.url, audience=stage.issuer.audience, remember=0, transport=stage.transport).verify


def by_awslc(make: Callable[[Stage], Verify]) -> Callable[[Stage], Verify]:
    """The same, by keys whose signatures AWS-LC checks, and its own: where an issuer's name leads elsewhere,
    each verifier has a transport to itself, and shares no keys.
    """

    def made(stage: Stage) -> Verify:
        if stage.alg not in ("RS256", "PS256", "ES256"):
            raise ValueError(stage.alg)
        before = dict(ALGORITHMS)
        awslc.install()
        try:
            verify = make(stage)
            verify(stage.issuer.token(sub="first"))  # has the keys fetched, and made ready
        finally:
            ALGORITHMS.update(before)
        return verify

    return made


def rightkey_remembering(stage: Stage, remember: int = 1024) -> Verify:
    return Verifier(
        stage.url, audience=stage.issuer.audience, remember=remember, transport=stage.transport
    ).verify


def rightkey_awaited(stage: Stage) -> Verify:
    return AsyncVerifier(
        stage.url, audience=stage.issuer.audience, remember=0, transport=stage.transport
    ).verify


def pyjwt_ready(stage: Stage) -> Verify:
    import jwt

    key, allowed = jwt.PyJWK.from_dict(stage.jwk), [stage.alg]
    return lambda token: jwt.decode(
        token, key, algorithms=allowed, audience=stage.issuer.audience, issuer=stage.url
    )


def pyjwt_client(stage: Stage, lifespan: float = 300) -> Verify:
    import jwt

    client, allowed = jwt.PyJWKClient(stage.jwks_uri, lifespan=lifespan), [stage.alg]
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


def oxyjwt_client(stage: Stage, lifespan: float = 300) -> Verify:
    import oxyjwt

    client, allowed = oxyjwt.PyJWKClient(stage.jwks_uri, lifespan=lifespan), [stage.alg]
    return lambda token: oxyjwt.decode(
        token,
        client.get_signing_key_from_jwt(token).key,
        algorithms=allowed,
        audience=stage.issuer.audience,
        issuer=stage.url,
    )


def jwtoxide_ready(stage: Stage) -> Verify:
    """It looks at neither `crit` nor `typ`, nor at an `nbf` that is no number; it has no client."""
    from jwtoxide import JwkSet, KeyRing, ValidationOptions

    keys = KeyRing.from_jwkset(JwkSet.from_json(json.dumps(stage.jwks)))
    options = ValidationOptions(
        aud={stage.issuer.audience},
        iss={stage.url},
        required_spec_claims={"exp", "iss", "aud"},
        leeway_seconds=0,
        algorithms=[stage.alg],
    )
    return lambda token: keys.decode(token, validation_options=options)


def webtoken_ready(stage: Stage) -> Verify:
    """It looks at neither `crit` nor `typ`, and takes an `exp` that is no number; it has no client."""
    import webtoken

    key, allowed, options = webtoken.PyJWK(stage.jwk), [stage.alg], {"require": ["exp"]}
    return lambda token: webtoken.decode(
        token, key, algorithms=allowed, options=options, audience=stage.issuer.audience, issuer=stage.url
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


def auth0_api_client(stage: Stage, cache_ttl_seconds: int = 600, *, socket: bool = False) -> Verify:
    from auth0_api_python import ApiClient, ApiClientOptions

    transport = stage.issuer.transport()

    async def fetch(url: str) -> Any:
        if not socket:
            return json.loads(transport.get(Request(url)).body)
        import httpx  # as its own fetching has it, to where the issuer really is

        async with httpx.AsyncClient() as http:
            response = await http.get(url.replace(stage.url, f"http://127.0.0.1:{stage.issuer.port}/"))
        response.raise_for_status()
        return response

    client = ApiClient(
        ApiClientOptions(
            domain=stage.url.removeprefix("https://").rstrip("/"),
            audience=stage.issuer.audience,
            custom_fetch=fetch,
            cache_ttl_seconds=cache_ttl_seconds,
        )
    )
    verify: Verify = client.verify_access_token
    return verify


def fastmcp_client(stage: Stage, life: float = 3600) -> Verify:
    from fastmcp.server.auth.providers.jwt import JWTVerifier

    verifier = JWTVerifier(
        jwks_uri=stage.jwks_uri,
        issuer=stage.url,
        audience=stage.issuer.audience,
        algorithm=stage.alg,
        jwks_refresh_interval=min(30.0, life),
    )
    verifier._cache_ttl = life

    async def verify(token: str) -> Any:
        accepted = await verifier.load_access_token(token)
        if accepted is None:
            raise ValueError("refused")
        return accepted

    return verify


CONTENDERS = (
    Contender("rightkey", rightkey_ready, rightkey_client),
    Contender("rightkey, AWS-LC", by_awslc(rightkey_ready), by_awslc(rightkey_client)),
    Contender("rightkey, awaited", client=rightkey_awaited, awaited=True),
    Contender("PyJWT", pyjwt_ready, pyjwt_client),
    Contender("oxyjwt", oxyjwt_ready, oxyjwt_client),
    Contender("jwtoxide", jwtoxide_ready),
    Contender("webtoken", webtoken_ready),
    Contender("joserfc", joserfc_ready),
    Contender("Authlib", authlib_ready),
    Contender("jwcrypto", jwcrypto_ready),
    Contender("python-jose", python_jose_ready),
    Contender("auth0-api-python", client=auth0_api_client, awaited=True),
    Contender("FastMCP", client=fastmcp_client, awaited=True),
)
PACKAGES = (
    "rightkey",
    "cryptography",
    "awscrt",
    "PyJWT",
    "oxyjwt",
    "jwtoxide",
    "webtoken",
    "joserfc",
    "Authlib",
    "jwcrypto",
    "python-jose",
    "auth0-api-python",
    "fastmcp",
)
"""The names that contenders are installed by."""
