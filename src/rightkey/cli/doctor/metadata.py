"""Checks of an issuer's metadata and of how they are reached (OpenID Connect Discovery 1.0; RFC 8414)."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from rightkey.cli.doctor.findings import Examination, Trouble, members_of
from rightkey.errors import IssuerFault
from rightkey.issuer.name import is_loopback

DAY = 86400.0
_FAILED = {
    "dns": "is the name spelled right, and known to this machine?",
    "tls": "serve the whole chain of a trusted certificate; --ca-file FILE names a private authority",
    "timeout": "a verifier waits 4 s for one answer: make it faster, or cache it at the edge",
    "too_large": "a verifier reads 512 KiB at most: publish less",
    "refused": "is it running, and does it listen at this address?",
    "unreachable": "is there a way out of this network? without one, HTTPS_PROXY names a proxy",
    "proxy": "HTTPS_PROXY and NO_PROXY name the way: is it the right proxy, and may this host pass it?",
}
_BROKEN_OFF = "answer whole and well-formed: is a proxy or a crash in the way?"
_REQUIRED = ("response_types_supported", "subject_types_supported", "id_token_signing_alg_values_supported")


def answered(seen: Examination) -> Iterator[Trouble]:
    """Every document must be answered with 200, within a verifier's bounds."""
    document = seen.document
    for one in seen.exchanges:
        status = one.response.status if one.response else None
        if one.failure is not None:
            yield Trouble("error", f"{one.url}: {one.message}", _FAILED.get(one.failure, _BROKEN_OFF))
        elif status == 429:
            yield Trouble("error", f"{one.url}: status 429", "raise the rate limit of public documents")
        elif status not in (200, 304) and not 300 <= (status or 0) < 400:
            missing = one.step in ("openid", "oauth") and document is not None and document.good
            if not missing:
                yield Trouble("error", f"{one.url}: status {status}", "answer it with 200")


def redirects(seen: Examination) -> Iterator[Trouble]:
    """Verifiers do not follow redirects, which could lead them to an attacker."""
    for one in seen.exchanges:
        if one.response is not None and 300 <= one.response.status < 400 and one.response.status != 304:
            target = one.response.redirect_target
            where = "nowhere" if target is None else ascii(target)
            optional = one.step != "keys" and seen.document is not None and seen.document.good
            yield Trouble(
                "note" if optional else "error",
                f"{one.url}: redirects to {where}, which verifiers do not follow",
                "answer here, or name the issuer by the URL that answers",
            )


def readable(seen: Examination) -> Iterator[Trouble]:
    """The metadata must be one JSON object with `issuer` and a usable `jwks_uri`."""
    fault = seen.metadata
    if isinstance(fault, IssuerFault) and fault.code == "metadata_invalid":
        yield Trouble("error", str(fault), fault.hint or "serve one JSON object with issuer and jwks_uri")


def issuer_matches(seen: Examination) -> Iterator[Trouble]:
    """The issuer that metadata state must be the one configured, letter by letter."""
    fault = seen.metadata
    if isinstance(fault, IssuerFault) and fault.code == "issuer_mismatch":
        stated = str(seen.members.get("issuer"))[:200]
        hint = fault.hint or f"configure {stated!a}, or serve metadata that state {seen.issuer.name!r}"
        yield Trouble("error", str(fault), hint)
    elif fault is not None and not isinstance(fault, IssuerFault) and fault.issuer != seen.issuer.name:
        yield Trouble(
            "note",
            f"tokens must state iss {fault.issuer!r}, slash included",
            "configure verifiers that compare exactly with this spelling",
        )


def well_known(seen: Examination) -> Iterator[Trouble]:
    """Both well-known documents should be there, and must agree."""
    openid, oauth = seen.step("openid"), seen.step("oauth")
    if openid is None or oauth is None or not (openid.good or oauth.good):
        return
    for one, name in ((openid, "OpenID Connect's"), (oauth, "RFC 8414's")):
        if not one.good:
            yield Trouble(
                "note",
                f"{name} document is not at {one.url} ({one.answer})",
                "serve it there too: some clients ask nowhere else",
            )
    first, second = members_of(openid), members_of(oauth)
    if openid.good and oauth.good:
        for name in ("issuer", "jwks_uri"):
            if first.get(name) != second.get(name):
                yield Trouble(
                    "warning", f"the two well-known documents differ in {name}", "serve one document"
                )


def https(seen: Examination) -> Iterator[Trouble]:
    """Plain http lets anyone on the way swap the keys."""
    for name, url in (("the issuer", seen.issuer.url), ("jwks_uri", str(seen.members.get("jwks_uri") or ""))):
        parts = urlsplit(url)
        if parts.scheme == "http":
            local, named = is_loopback(parts.hostname or ""), parts.hostname in seen.issuer.plain_http
            yield Trouble(
                "note" if local else "warning" if named else "error",
                f"{name} is plain http" + (", on this machine" if local else ", as allowed" if named else ""),
                "serve https in production",
            )


def tls_end(seen: Examination) -> Iterator[Trouble]:
    """A TLS certificate must not end unnoticed."""
    first = seen.exchanges[0].began if seen.exchanges else 0.0
    if seen.tls_until is not None and seen.tls_until - first < 21 * DAY:
        days = (seen.tls_until - first) / DAY
        yield Trouble(
            "error" if days < 3 else "warning", f"its TLS certificate ends in {days:.0f} days", "renew it now"
        )


def other_origin(seen: Examination) -> Iterator[Trouble]:
    """Keys at another origin are allowed, but a second host must be up, and trusted."""
    uri = seen.members.get("jwks_uri")
    if isinstance(uri, str) and urlsplit(uri).netloc not in ("", urlsplit(seen.issuer.url).netloc):
        yield Trouble(
            "note",
            f"jwks_uri is on another host, {urlsplit(uri).netloc[:200]!a}",
            "allow both in firewalls and proxies",
        )


def required_members(seen: Examination) -> Iterator[Trouble]:
    """Discovery requires members that key location does not need, and strict clients do."""
    if seen.document is None or not seen.document.good or not seen.members:
        return
    missing = [name for name in _REQUIRED if name not in seen.members]
    if missing and seen.document.step == "openid":
        yield Trouble(
            "note", f"the metadata lack {', '.join(missing)}", "add them: strict clients refuse to start"
        )


def algorithms_stated(seen: Examination) -> Iterator[Trouble]:
    """Metadata should name the algorithms of the keys, and none that a forger can use."""
    stated = seen.members.get("id_token_signing_alg_values_supported")
    if not isinstance(stated, list):
        return
    for bad in ("none", "HS256", "HS384", "HS512"):
        if bad in stated:
            yield Trouble(
                "note", f"the metadata offer {bad} for ID tokens", "offer asymmetric algorithms only"
            )
    unnamed = sorted({key.alg for key in seen.usable if key.alg and key.alg not in stated})
    if unnamed:
        yield Trouble(
            "warning",
            f"keys are for {', '.join(unnamed)}, which the metadata do not name",
            "add them to id_token_signing_alg_values_supported: some verifiers allow what is listed",
        )


def ipv6(seen: Examination) -> Iterator[Trouble]:
    """A host with one address family is out of reach from networks of the other."""
    if seen.families == ("IPv4",):
        yield Trouble("note", "its host has no IPv6 address", "add one if clients run in IPv6-only networks")
    elif seen.families == ("IPv6",):
        yield Trouble("warning", "its host has no IPv4 address", "most networks need one")
