"""How an issuer is asked about opaque tokens, and for how long its answers count."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rightkey.errors import Misconfigured, flag, quoted
from rightkey.jose.opaque import is_opaque
from rightkey.policy.named import settings_by_name

if TYPE_CHECKING:
    import os

    from rightkey.jose.signing import Signer

METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt")
"""How we may authenticate at the endpoint (OpenID Connect Core 1.0, section 9)."""
MAX_LIFE = 3600.0
"""Seconds that an answer may count, at most, by any setting: for so long a revoked token is accepted."""
MAX_REFUSED = 60.0
"""Seconds that a token may be remembered as not active, at most, by any setting."""


@settings_by_name
@dataclass(frozen=True, slots=True)
class Introspection:
    """How an issuer is asked about tokens that are no JWTs, for `introspection=` of a verifier (RFC 7662).

    Args:
        client_id: by which the issuer knows this service.
        secret: what it authenticates with; for `private_key_jwt` its private key in PEM. A `Path` is a file
            that holds it, and is read again for each request, since it may be rotated.
        endpoint: the URL to ask; by default the `introspection_endpoint` of the issuer's metadata.
        auth_method: `client_secret_basic`, `client_secret_post` or `private_key_jwt`.
        life: seconds that an answer counts, 3,600 at most, and never past the token's `exp`. For so long a
            revoked token may still be accepted. 0 asks at each use.
        refused: seconds for which a token is remembered as not active, 60 at most; 0 for none.
        signed: whether the answer must be a JWT that the issuer has signed (RFC 9701).
        require_audience: whether a token is refused whose answer has no `aud`. One that names another
            audience always is.
        at_once: how many requests run at the same time in a process.
        rate: requests a second, in a process, about tokens that were not active before.
        algorithm: what `private_key_jwt` signs by, if not by what fits the key first, such as `RS256`.
        kid: the key id in the header of those assertions, where the issuer wants one.
        assertion_audience: whom those assertions are for, if not the issuer, such as its token endpoint.

    Raises:
        Misconfigured: any of them is not as described; the secret is not quoted.
    """

    client_id: str
    secret: str | bytes | os.PathLike[str] = field(repr=False)
    endpoint: str | None = field(default=None, repr=False)
    auth_method: str = "client_secret_basic"
    life: float = 30.0
    refused: float = 2.0
    signed: bool = False
    require_audience: bool = True
    at_once: int = 8
    rate: float = 100.0
    algorithm: str | None = None
    kid: str | None = None
    assertion_audience: str | None = None

    def __post_init__(self) -> None:
        client_id: Any = self.client_id
        if not isinstance(client_id, str) or not client_id.strip() or not _is_utf8(client_id):
            hint = "the name by which the issuer knows this service"
            raise Misconfigured("client_id must be a non-empty string", hint=hint)
        if self.auth_method not in METHODS:
            raise Misconfigured(
                f"auth_method must be one of {', '.join(METHODS)}, not {quoted(self.auth_method)}"
            )
        _require_number("life", self.life, MAX_LIFE)
        _require_number("refused", self.refused, MAX_REFUSED)
        _require_number("rate", self.rate, 1e6, least=1.0)
        whole: Any = self.at_once
        if not isinstance(whole, int) or isinstance(whole, bool) or not 2 <= whole <= 1000:
            raise Misconfigured("at_once must be an integer, from 2 to 1,000")
        for name in ("signed", "require_audience"):
            flag(name, getattr(self, name))
        for name in ("kid", "assertion_audience"):
            given: Any = getattr(self, name)
            if given is not None and not (isinstance(given, str) and _is_utf8(given)):
                raise Misconfigured(f"{name} must be a string")
        self._require_secret()

    def takes(self, raw: str | bytes) -> bool:
        """Whether the issuer is asked about this text, which is then never read as a JWT."""
        return is_opaque(raw)

    def _require_secret(self) -> None:
        secret: Any = self.secret
        if hasattr(secret, "__fspath__"):
            return  # it is read with each request
        if not isinstance(secret, str | bytes):
            raise Misconfigured(f"secret must be a string, bytes or a Path, not {type(secret).__name__}")
        if isinstance(secret, str) and not _is_utf8(secret):
            raise Misconfigured("secret has characters that UTF-8 cannot hold", hint="give it as bytes")
        octets = octets_of(secret)
        if not octets:
            raise Misconfigured("secret must not be empty", hint="as the issuer gave it to this service")
        if self.auth_method == "private_key_jwt":
            signer_of(self, octets)
        elif octets.startswith(b"-----BEGIN "):
            raise Misconfigured(
                "secret is a key in PEM, which is no client secret", hint="auth_method='private_key_jwt'"
            )


def octets_of(secret: str | bytes) -> bytes:
    """A secret as octets, without the line end that editors put behind it."""
    return (secret.encode() if isinstance(secret, str) else secret).strip(b"\r\n")


def _is_utf8(text: str) -> bool:
    """Whether it can be sent: half of a surrogate pair cannot."""
    return not re.search("[\ud800-\udfff]", text)


def signer_of(settings: Introspection, pem: bytes) -> Signer:
    """What signs our assertions. Raises Misconfigured."""
    from rightkey.jose.signing import Signer  # a client secret needs none

    try:
        return Signer.of(pem, settings.algorithm)
    except ValueError as error:
        raise Misconfigured(f"secret cannot be used for private_key_jwt: {error}") from None


def _require_number(name: str, value: Any, most: float, least: float = 0.0) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not least <= value <= most:  # which NaN is not
        raise Misconfigured(f"{name} must be a number, from {least:g} to {most:,.0f}")
