"""A certificate from `x5c`: DER in, facts out, and whether it satisfies a policy.

The certificate stands beside a key and vouches for it; it is judged by what the verifier's owner asked
for. `x5c` is standard base64 of DER (RFC 7517, section 4.7), in the wild with line breaks inside.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from rightkey.errors import Misconfigured, flag, quoted
from rightkey.jose import base64url

MAX_CHAIN = 10
"""How many certificates of one `x5c` are read."""
MAX_JUDGED = 256
"""How many chains are remembered as judged by one policy."""


class Unreadable(ValueError):
    """An `x5c` from which no certificate can be built. The message says why."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What one certificate says. Times are aware datetimes in UTC; thumbprints are base64url."""

    der: bytes = field(repr=False)
    chain: tuple[bytes, ...] = field(repr=False)
    subject: str
    issuer: str
    serial_number: int
    not_before: dt.datetime
    not_after: dt.datetime
    signature_hash: str | None
    x5t: str
    """Thumbprint as RFC 7517, section 4.8 has it: base64url of the SHA-1 octets."""
    x5t_s256: str
    public_key: Any = field(repr=False, compare=False)
    """An object of `cryptography`."""
    x5t_hex: str
    """The form Auth0 publishes: base64url of the SHA-1 thumbprint written out in hexadecimal."""
    whole: bytes = field(repr=False)
    """A SHA-256 of it and its chain: what a judged chain is remembered by, since the chain may be long."""

    @property
    def self_issued(self) -> bool:
        """Whether subject and issuer are the same name, as Auth0's certificates have it."""
        return self.subject == self.issuer

    def covers(self, now: float) -> bool:
        """Whether a Unix time, in seconds, lies within the certificate's dates."""
        return self.not_before.timestamp() <= now <= self.not_after.timestamp()

    def matches(self, public_key: Any) -> bool:
        """Whether the certificate is for this very key."""
        from rightkey.jose import x509

        return x509.spki(public_key) == x509.spki(self.public_key)

    def __reduce__(self) -> tuple[Any, ...]:
        return read_der, (self.der, self.chain)


def read_x5c(x5c: Any) -> Certificate:
    """Build the first certificate of an `x5c`; the others are kept for its chain.

    Raises:
        Unreadable: not an array of strings, not base64, or not a certificate.
    """
    if not isinstance(x5c, list) or not x5c or not all(isinstance(one, str) for one in x5c):
        raise Unreadable("x5c is not an array of strings")
    try:
        ders = [base64url.decode_published(one) for one in x5c[:MAX_CHAIN]]
    except ValueError:
        raise Unreadable("x5c is not base64") from None
    return read_der(ders[0], tuple(ders[1:]))


def read_der(der: bytes, chain: tuple[bytes, ...] = ()) -> Certificate:
    """Read the facts of a DER certificate. Raises Unreadable."""
    from rightkey.jose import x509

    try:
        facts = x509.facts(der)
    except x509.UNREADABLE:
        raise Unreadable("x5c holds no readable certificate") from None
    sha1 = hashlib.sha1(der, usedforsecurity=False).digest()  # a name that RFC 7517 gives, not a protection
    return Certificate(
        der=der,
        chain=chain,
        x5t=base64url.encode(sha1),
        x5t_s256=base64url.encode(hashlib.sha256(der).digest()),
        x5t_hex=base64url.encode(sha1.hex().upper().encode("ascii")),
        whole=hashlib.sha256(b"".join(hashlib.sha256(one).digest() for one in (der, *chain))).digest(),
        **facts,
    )


@dataclass(frozen=True, slots=True)
class Certificates:
    """What is asked of the certificate of a key that verifies a token.

    Args:
        roots: PEM text of the certificates that a chain must end in; the dates of the whole chain and
            its signatures are then checked. Which names or uses the certificate is for is not: it signs
            tokens, not servers.
        pins: thumbprints (`x5t#S256`, or SHA-256 in hexadecimal, colons allowed) of which one must match.
        dates: whether now must lie within the certificate's dates. Always so with `roots`.
        required: whether a key without a certificate is refused.

    Raises:
        Misconfigured: no certificate in `roots`, a pin that is no SHA-256 thumbprint, or a list of pins that
            is empty: a setting that was lost must not end as none.
    """

    roots: str | bytes | None = field(default=None, repr=False)
    pins: Sequence[str] = ()
    dates: bool = False
    required: bool = field(default=True, repr=False)
    _roots: Any = field(default=None, init=False, repr=False, compare=False)
    _judged: dict[bytes, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    _pins: frozenset[str] = field(default=frozenset(), init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("dates", "required"):
            flag(name, getattr(self, name))
        if self.pins != () and not self.pins:
            raise Misconfigured("pins must hold at least one thumbprint", hint="leave them out for none")
        object.__setattr__(self, "pins", tuple(self.pins))
        object.__setattr__(self, "_pins", frozenset(map(_pin, self.pins)))
        if self.roots is not None:
            object.__setattr__(self, "_roots", _roots(self.roots))

    def __reduce__(self) -> tuple[Any, ...]:
        return Certificates, (self.roots, self.pins, self.dates, self.required)

    def fault(self, certificate: Certificate | None, now: float) -> str | None:
        """What the certificate lacks at this Unix time, in seconds; None where nothing."""
        if certificate is None:
            return "the key has no certificate" if self.required else None
        if self._pins and certificate.x5t_s256 not in self._pins:
            return "the certificate is none of those pinned"
        if (self.dates or self._roots) and not certificate.covers(now):
            return _dates_fault(certificate, now)
        return self._chain_fault(certificate, now) if self._roots else None

    def _chain_fault(self, certificate: Certificate, now: float) -> str | None:
        """A chain is judged once, and again when a certificate begins or ends: to walk it takes longer than a
        check of a signature, and every token asks, remembered ones too."""
        judged = self._judged.get(certificate.whole)
        if judged is None or not judged.since <= now < judged.until:
            from rightkey.jose import x509

            judged = x509.leads_to(self._roots, certificate.der, certificate.chain, now)
            if len(self._judged) >= MAX_JUDGED:
                self._judged.clear()
            self._judged[certificate.whole] = judged
        return judged.why and f"the certificate's chain does not end in a given root ({judged.why})"


Policy: TypeAlias = Literal["match", "valid", "ignore"] | Certificates


def policy(asked: Policy) -> Certificates | None:
    """What `certificates=` asks of dates, pins and chains; None where it asks for none of them.

    Raises:
        Misconfigured: none of `match`, `valid`, `ignore` and no Certificates.
    """
    if asked in ("match", "ignore"):
        return None
    if asked == "valid":
        return Certificates(dates=True, required=False)
    if not isinstance(asked, Certificates):
        hint = "give match, valid, ignore or Certificates(...)"
        raise Misconfigured(f"certificates={quoted(asked)} is not known", hint=hint)
    return asked


def _pin(pin: str) -> str:
    try:
        hexadecimal = pin.replace(":", "")
        octets = bytes.fromhex(hexadecimal) if len(hexadecimal) == 64 else base64url.decode_published(pin)
    except (ValueError, TypeError, AttributeError):
        octets = b""
    if len(octets) != 32:
        raise Misconfigured("a pin is not a SHA-256 thumbprint", hint="give x5t#S256, or 64 hex digits")
    return base64url.encode(octets)


def _roots(roots: str | bytes) -> Any:
    from rightkey.jose import x509

    try:
        return x509.roots(roots.encode() if isinstance(roots, str) else roots)
    except (ValueError, TypeError):
        raise Misconfigured(
            "roots hold no PEM certificate", hint="give their text, not a file's name"
        ) from None


def _dates_fault(certificate: Certificate, now: float) -> str:
    if now < certificate.not_before.timestamp():
        return f"the certificate is not valid before {certificate.not_before:%Y-%m-%d %H:%M:%S}Z"
    return f"the certificate was valid until {certificate.not_after:%Y-%m-%d %H:%M:%S}Z"
