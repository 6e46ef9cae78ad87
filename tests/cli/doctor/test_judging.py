"""The doctor's checks, each on an examination that was recorded: no socket, no clock."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from rightkey.cli.doctor.field import FIELD
from rightkey.cli.doctor.findings import Examination, Exchange
from rightkey.cli.doctor.judging import CHECKS, findings
from rightkey.cli.doctor.serving import max_age
from rightkey.exchange import Response
from rightkey.issuer.name import Issuer
from rightkey.localissuer import SigningKey

ISSUER = "https://issuer.example"
NOW = 1_800_000_000.0
DATE = "Fri, 15 Jan 2027 08:00:00 GMT"  # NOW
KEYS = [SigningKey.generate("ES256", now=NOW).public_jwk() for _ in range(2)]
METADATA = {
    "issuer": ISSUER,
    "jwks_uri": f"{ISSUER}/jwks",
    "response_types_supported": ["code"],
    "subject_types_supported": ["public"],
    "id_token_signing_alg_values_supported": ["ES256"],
}
HEADERS = {
    "content-type": "application/json",
    "cache-control": "max-age=600",
    "etag": '"1"',
    "date": DATE,
}


def asked(step: str, document: Any, status: int = 200, seconds: float = 0.1, **headers: str) -> Exchange:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Exchange(step, f"{ISSUER}/{step}", NOW, seconds, Response(status, HEADERS | named, body))


def examined(
    *,
    metadata: Mapping[str, Any] | None = None,
    oauth: Exchange | None = None,
    keys: Any = None,
    keys_asked: Exchange | None = None,
    again: int = 304,
    **more: Any,
) -> Examination:
    openid = asked("openid", METADATA | dict(metadata or {}))
    held = keys_asked or asked("keys", {"keys": KEYS if keys is None else keys})
    answers = (
        openid,
        oauth or asked("oauth", METADATA | dict(metadata or {})),
        held,
        asked("keys again", b"", again),
    )
    return Examination(Issuer.parse(ISSUER), answers, **more)


def found(seen: Examination) -> dict[str, str]:
    return {one.check: one.severity for one in reversed(findings(seen))}


def test_a_perfect_issuer_has_no_finding() -> None:
    """Not even a note."""
    assert findings(examined(families=("IPv4", "IPv6"), tls_until=NOW + 90 * 86400)) == ()


@pytest.mark.parametrize(
    ("cache_control", "severity"),
    [
        ("max-age=600", None),
        ("public, s-maxage=300", None),
        ("max-age=7200", "note"),
        ("max-age=3888000", "warning"),
        ("max-age=15", "note"),
        ("no-store", "note"),
        ("private", "note"),
    ],
)
def test_caching(cache_control: str, severity: str | None) -> None:
    """Longer than a day is a warning; what is short, absent or forbidden is a note."""
    seen = examined(keys_asked=asked("keys", {"keys": KEYS}, cache_control=cache_control))
    assert found(seen).get("caching") == severity


def test_no_next_key() -> None:
    """One key is a surprise at each rotation, the longer the set is cached the worse."""
    told = found(examined(keys=KEYS[:1]))
    assert (told["next-key"], told["rotation"]) == ("warning", "warning")
    seen = examined(keys_asked=asked("keys", {"keys": KEYS[:1]}, cache_control="no-cache"))
    assert "rotation" not in found(seen)


@pytest.mark.parametrize(
    ("date", "severity"),
    [
        (DATE, None),
        ("Fri, 15 Jan 2027 08:00:30 GMT", "warning"),
        ("Fri, 15 Jan 2027 07:59:30 GMT", "warning"),
        ("Fri, 15 Jan 2027 09:00:00 GMT", "error"),
        ("yesterday", None),
    ],
)
def test_clock_skew(date: str, severity: str | None) -> None:
    """By the Date header of the answer that agrees best."""
    seen = Examination(Issuer.parse(ISSUER), (asked("openid", METADATA, date=date),))
    assert found(seen).get("clock") == severity


@pytest.mark.parametrize(
    ("more", "check", "severity"),
    [
        ({"families": ("IPv4",)}, "ipv6", "note"),
        ({"families": ("IPv6",)}, "ipv6", "warning"),
        ({"tls_until": NOW + 10 * 86400}, "tls", "warning"),
        ({"tls_until": NOW + 86400}, "tls", "error"),
        ({"again": 200}, "revalidation", "note"),
        ({"metadata": {"jwks_uri": "https://keys.example/jwks"}}, "origin", "note"),
        ({"metadata": {"id_token_signing_alg_values_supported": ["RS256", "none"]}}, "algorithms", "warning"),
        ({"metadata": {"response_types_supported": None} | {"issuer": ISSUER + "/"}}, "issuer", "error"),
        ({"oauth": asked("oauth", METADATA | {"jwks_uri": f"{ISSUER}/other"})}, "well-known", "warning"),
        ({"oauth": asked("oauth", b"", 404)}, "well-known", "note"),
        ({"oauth": asked("oauth", b"", 302, location="https://e.example")}, "redirects", "note"),
        ({"keys_asked": asked("keys", {"keys": KEYS}, x_ratelimit_limit="20")}, "rate-limit", "note"),
        ({"keys_asked": asked("keys", {"keys": KEYS}, 429)}, "answered", "error"),
        ({"keys_asked": asked("keys", {"keys": KEYS, "x": "x" * 60_000})}, "size", "warning"),
        ({"keys_asked": asked("keys", {"keys": KEYS}, content_type="text/html")}, "content-type", "warning"),
        ({"keys_asked": asked("keys", {"keys": KEYS}, seconds=2.0)}, "speed", "warning"),
        ({"keys": [{k: v for k, v in KEYS[0].items() if k != "kid"}, KEYS[1]]}, "kid", "warning"),
        ({"keys": [*KEYS, {"kty": "oct", "k": "c2VjcmV0"}]}, "skipped", "warning"),
        ({"keys": [*KEYS, KEYS[0] | {"kid": "e", "use": "enc"}]}, "skipped", "note"),
    ],
)
def test_a_trouble_is_found(more: dict[str, Any], check: str, severity: str) -> None:
    """By its check, with its severity."""
    assert found(examined(**more)).get(check) == severity


TRAITS: list[list[Any]] = [
    [{"kty": "AKP", "alg": "ML-DSA-65"}],
    [{"kty": "OKP", "crv": "Ed25519"}],
    [{"kty": "EC", "crv": "secp256k1"}],
    [{"kty": "EC", "crv": "P-123"}],
    [{"kty": "LWE"}],
    [{"kty": "RSA", "n": "x"}],
    [None],
    [{"kty": "EC"}],
    [{"kty": "EC", "alg": "ES256", "x5c": ["x"]}],
    [{"kid": "a"}, {"kid": "a"}],
    [{"use": "enc"}],
]


@pytest.mark.parametrize(
    ("row", "keys"),
    [*zip(FIELD, TRAITS, strict=True)],
    ids=lambda one: getattr(one, "trait", ""),
)
def test_verifiers_that_an_issuer_breaks(row: Any, keys: list[Any]) -> None:
    """Each trait is recognised, and not in an ordinary set; the finding names verifiers and the reason."""
    assert row.has(keys)
    assert not row.has(KEYS)
    told = [one for one in findings(examined(keys=[*KEYS, *keys])) if one.check == "field"]
    assert any(row.trait in one.message and row.verifiers in one.message for one in told)


def test_every_check_has_a_sentence_and_a_reference() -> None:
    """A name that no other has, and a function that says what it holds."""
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert all(check.judge.__doc__ and check.reference for check in CHECKS)


def test_max_age() -> None:
    """In any spelling that caches read."""
    assert (max_age("Max-Age = 60"), max_age('max-age="5"'), max_age("stale-max-age=3")) == (60, 5, None)


@pytest.mark.parametrize(("named", "severity"), [((), "error"), (("issuer.example",), "warning")])
def test_plain_http(named: tuple[str, ...], severity: str) -> None:
    """Is an error for a host of the network, and a warning where it was allowed by name."""
    seen = examined(metadata={"jwks_uri": "http://issuer.example/jwks"})
    issuer = Issuer.parse(ISSUER, plain_http=named)
    assert found(replace(seen, issuer=issuer)).get("https") == severity


@pytest.mark.parametrize("failure", ["proxy", "unreachable"])
def test_what_is_in_the_way_is_not_told_as_the_issuers_mistake(failure: str) -> None:
    """The way out is the variable that names a proxy."""
    failed = Exchange("openid", f"{ISSUER}/openid", NOW, 0.1, failure=failure, message="no way there")
    seen = Examination(Issuer.parse(ISSUER, None), (failed,))
    [told] = [one for one in findings(seen) if one.check == "answered"]
    assert "HTTPS_PROXY" in (told.hint or "")
