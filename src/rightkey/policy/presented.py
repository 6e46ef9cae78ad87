"""Presented: how one request shows its token, and what it brings to prove that it may use it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from rightkey.errors import Misconfigured


@dataclass(slots=True, repr=False, unsafe_hash=True)  # frozen, it takes four times as long to make
class Presented:
    """How one request presents its token: `verify(raw, presented=Presented(...))`.

    It stands for that request. Verified again, such as by two dependencies of one route, its proof is no
    replay of itself.

    Args:
        scheme: of the `Authorization` header, `Bearer` or `DPoP`, in any letter case.
        method: of the request, as it was sent.
        url: of the request, as the client wrote it; where the verifier has an `origin=`, the path suffices,
            and the rest does not count.
        proofs: the values of all its `DPoP` headers (RFC 9449, section 4.1).
        certificate: the client's certificate of the TLS connection, as DER (RFC 8705, section 3).

    Raises:
        Misconfigured: any of them is of another type.
    """

    scheme: str = "Bearer"
    method: str = ""
    url: str = ""
    proofs: Collection[str] = ()
    certificate: bytes | None = None
    by_dpop: bool = field(init=False, compare=False)
    """Whether the token came under the scheme `DPoP`."""
    spent: bytes | None = field(default=None, init=False, compare=False)
    """The mark of its proof, once that was recorded as used."""
    nonce: str | None = field(default=None, init=False, compare=False)
    """The nonce that the client's next proof should have, where that of this one will soon end (RFC 9449,
    section 8.2): answer with it in the header `DPoP-Nonce`, whatever the answer is."""

    def __post_init__(self) -> None:
        given: Any = self.proofs
        if type(given) is not tuple:
            self.proofs = given = _several(given)
        for text in (self.scheme, self.method, self.url, *given):
            if type(text) is not str and not isinstance(text, str):  # the first alone is quicker
                raise Misconfigured("what is presented must be text, but for the certificate")
        if self.certificate is not None and not isinstance(self.certificate, bytes):
            hint = "as DER, which ssl.PEM_cert_to_DER_cert makes of PEM"
            raise Misconfigured("the certificate that is presented must be bytes", hint=hint)
        self.by_dpop = self.scheme.lower() == "dpop"

    def __repr__(self) -> str:
        return f"Presented({self.scheme!r})"


def _several(given: Any) -> tuple[Any, ...]:
    if isinstance(given, str):
        return (given,)
    return tuple(given) if isinstance(given, Iterable) else (None,)  # which is no text
