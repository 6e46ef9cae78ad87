"""`rightkey locate`: from a domain to its signing keys, and the keys that were skipped."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import click

from rightkey.cli import layout, output
from rightkey.cli.connection import Connection, connection_options, metadata_option, provider_option
from rightkey.cli.errors import BadUse, exit_code, tell
from rightkey.cli.errors import as_json_document as error_as_json
from rightkey.cli.files import replace
from rightkey.cli.progress import busy
from rightkey.cli.times import lasting
from rightkey.errors import IssuerFault, without_query
from rightkey.freshness.refresh import NoSigningKey
from rightkey.freshness.status import Status
from rightkey.jose.key import Key
from rightkey.jose.skipped import Skipped
from rightkey.sources.copies import document_of
from rightkey.sources.files import MAX_BYTES
from rightkey.verifier.explaining import facts
from rightkey.verifier.locate import Provider
from rightkey.verifier.locate import locate as find

SHORT = 11
"""Characters of a thumbprint, enough to tell keys apart; --json has all of it."""


@click.command()
@click.argument("issuer")
@metadata_option
@provider_option
@connection_options
@click.option(
    "--save", metavar="FILE", help="Write the keys to a file, for verifiers that start; replaces it whole."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def locate(
    issuer: str,
    metadata_url: str | None,
    provider: str | None,
    connection: Connection,
    save: str | None,
    as_json: bool,
) -> int:
    """Find the signing keys of ISSUER, a domain or URL.

    Shows each usable key, what was skipped of the key set and why, where it was found, and for how long it
    may be cached.
    """
    try:
        with busy(f"looking for the keys of {issuer}"):
            found = find(
                issuer,
                provider=provider,
                metadata_url=metadata_url,
                transport=connection.transport(),
                freshness=connection.freshness(),
            )
    except IssuerFault as error:
        return _failed(error, as_json)
    if save is not None:
        _save(found, issuer, save)
    if as_json:
        output.data(document(found) | ({} if save is None else {"saved": save}))
    else:
        _show(found, save)
    return 0


def _save(found: Provider, issuer: str, path: str) -> None:
    """Write a copy, readable by every process of the host: no secret is in it. Raises BadUse."""
    copy = document_of(found.keys, issuer, found.jwks_uri, found.status, time.time())
    octets = json.dumps(copy, indent=1).encode() + b"\n"
    if len(octets) > MAX_BYTES:
        raise BadUse(f"the keys take {len(octets)} bytes, and a file of keys may have {MAX_BYTES}")
    replace(path, octets, 0o644)


def _failed(error: IssuerFault, as_json: bool) -> int:
    """Report the fault. A set in which no key can be used is shown all the same: it says why."""
    if as_json:
        output.data(failure(error))
        return exit_code(error)
    _show_skipped(_skipped_by(error))
    return tell(error)


def failure(error: IssuerFault) -> dict[str, Any]:
    """The fault as JSON."""
    skipped = _skipped_by(error)
    return {"error": error_as_json(error), **({"skipped": _skipped(skipped)} if skipped else {})}


def _skipped_by(error: IssuerFault) -> Sequence[Skipped]:
    return error.keys.skipped if isinstance(error, NoSigningKey) else ()


def key_facts(key: Key) -> dict[str, Any]:
    """A key as JSON."""
    return {
        "kid": key.kid,
        "kty": key.kty,
        "alg": key.alg,
        "thumbprint": key.thumbprint,
        "certificate": facts(key.certificate) if key.certificate else None,
        "warnings": list(key.warnings),
    }


def document(provider: Provider) -> dict[str, Any]:
    """An issuer and its keys as JSON."""
    return {
        "issuer": provider.issuer,
        "provider": provider.provider,
        "metadata_url": provider.metadata_url,
        "jwks_uri": provider.jwks_uri,
        "keys": [key_facts(key) | {"use": key.use} for key in provider.keys],
        "skipped": _skipped(provider.skipped),
        "status": _status(provider.status),
    }


def _status(status: Status) -> dict[str, Any]:
    """In whole seconds: fractions differ from run to run and mean nothing."""
    return {
        name: round(value) if isinstance(value, float) else value for name, value in asdict(status).items()
    }


def _show(provider: Provider, saved: str | None) -> None:
    layout.pairs(
        [
            ("issuer", provider.issuer + (f"  ({provider.provider})" if provider.provider else "")),
            ("metadata", without_query(provider.metadata_url or "none")),
            ("keys at", provider.jwks_uri),
            ("fresh", _fresh(provider.status)),
            *([] if saved is None else [("saved", saved)]),
        ]
    )
    layout.line()
    layout.table(("kid", "kty", "alg", "use", "thumbprint", "certificate"), map(_row, provider.keys))
    if provider.skipped:
        layout.line()
        _show_skipped(provider.skipped)


def _show_skipped(skipped: Sequence[Skipped]) -> None:
    if skipped:
        rows = [(one.kid or "no kid", one.reason, one.detail) for one in skipped]
        layout.table(("skipped", "reason", "detail"), rows)


def _skipped(skipped: Iterable[Skipped]) -> list[dict[str, Any]]:
    return [{"kid": one.kid, "reason": one.reason, "detail": one.detail} for one in skipped]


def _fresh(status: Status) -> str:
    fresh, bound = status.fresh_for or 0, status.revoked_key_bound or 0
    return f"for {lasting(round(fresh))}; at most {lasting(round(bound))} if the issuer fails"


def _row(key: Key) -> layout.Row:
    return (
        key.kid or "none",
        key.kty,
        key.alg or "any",
        key.use or "any",
        key.thumbprint[:SHORT],
        layout.several(list(_certificate(key))),
    )


def _certificate(key: Key) -> Iterator[str]:
    certificate = key.certificate
    if certificate is not None:
        yield certificate.subject or "no subject"
        yield "self-issued" if certificate.self_issued else f"by {certificate.issuer}"
        yield f"{certificate.not_before:%Y-%m-%d} to {certificate.not_after:%Y-%m-%d}"
    elif not key.warnings:
        yield "none"
    yield from key.warnings
