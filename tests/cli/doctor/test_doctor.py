"""`rightkey doctor` against the local issuer: every fault gives its finding, a healthy issuer no error."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.cli.conftest import Done
from tests.cli.conftest import ran as said

from rightkey.localissuer import DRESSES, FAULTS, LocalIssuer, fault


class Examined(Done):
    """What the doctor said."""

    __slots__ = ()

    def found(self, severity: str | None = None) -> set[str]:
        return {
            one["check"]
            for one in self.document["findings"]
            if severity is None or one["severity"] == severity
        }


def ran(*arguments: str, stdin: str = "") -> Examined:
    return Examined(*said("doctor", *arguments, stdin=stdin))


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


@pytest.mark.slow
@pytest.mark.parametrize("dress", DRESSES)
def test_a_healthy_issuer_has_no_error(dress: str) -> None:
    """In every dress; it may have notes and warnings."""
    with LocalIssuer(dress=dress) as issuer:
        published = len(issuer.keys)  # they are made now: an answer that waits for RSA may come too late
        done = ran(issuer.url, "--json")
    assert (done.code, done.found("error"), done.err) == (0, set(), "")
    assert done.document["reached"] is True
    assert done.document["keys"] == published == 2


FINDINGS: dict[str, tuple[str, str, str]] = {
    "status": ("discovery", "answered", "error"),
    "hang": ("jwks", "answered", "error"),
    "drip-headers": ("jwks", "answered", "error"),
    "drip-body": ("jwks", "answered", "error"),
    "reset": ("jwks", "answered", "error"),
    "truncated": ("jwks", "answered", "error"),
    "redirect": ("jwks", "redirects", "error"),
    "html": ("jwks", "key-set", "error"),
    "broken-json": ("discovery", "metadata", "error"),
    "gzip-bomb": ("jwks", "answered", "error"),
    "huge": ("jwks", "answered", "error"),
    "empty-set": ("jwks", "keys", "error"),
    "private-members": ("jwks", "skipped", "error"),
    "use-enc": ("jwks", "keys", "error"),
    "key-ops-encrypt": ("jwks", "keys", "error"),
    "other-certificate": ("jwks", "certificate", "error"),
    "wrong-issuer": ("discovery", "issuer", "error"),
    "delay": ("jwks", "speed", "warning"),
    "wrong-type": ("jwks", "content-type", "warning"),
    "duplicate-kid": ("jwks", "kid", "warning"),
    "broken-member": ("jwks", "skipped", "warning"),
    "other-alg": ("jwks", "skipped", "warning"),
    "broken-certificate": ("jwks", "certificate", "warning"),
    "no-alg": ("jwks", "field", "note"),
    "bare": ("jwks", "field", "note"),
    "moved-jwks-uri": ("discovery", "https", "note"),
}
"""For each fault: the endpoint, and the check that finds it at least, with its severity."""
UNANSWERED = ("hang", "drip-headers", "drip-body")
"""They never answer in full; the others may take their time on a busy machine."""
OPTIONS = {"delay": {"seconds": 1.2}, "huge": {"size": 1_000_000}, "gzip-bomb": {"size": 1_000_000}}


@pytest.mark.slow
def test_every_fault_has_its_finding() -> None:
    """None is forgotten when one is added."""
    assert set(FINDINGS) == set(FAULTS)


@pytest.mark.slow
@pytest.mark.parametrize("name", FINDINGS)
def test_a_fault_is_found(issuer: LocalIssuer, name: str) -> None:
    """By the check it belongs to, with its severity, a reference, and exit code 1 for an error."""
    endpoint, check, severity = FINDINGS[name]
    issuer.misbehave(endpoint, fault(name, **OPTIONS.get(name, {})))
    done = ran(issuer.url, "--json", "--timeout", "1.5" if name in UNANSWERED else "4")
    assert check in done.found(severity), done.document["findings"]
    assert done.code == (1 if severity == "error" else done.code)
    assert all(one["message"] and one["reference"] for one in done.document["findings"])
    assert all(one["hint"] for one in done.document["findings"] if one["severity"] != "note")


def test_an_issuer_out_of_reach_is_3() -> None:
    """No answer at all is not a finding about its documents."""
    with LocalIssuer(algorithm="ES256") as gone:
        url = gone.url
    done = ran(url, "--json")
    assert (done.code, done.document["reached"]) == (3, False)
    assert done.found("error") == {"answered"}


def test_what_is_shown_to_people(issuer: LocalIssuer) -> None:
    """Each exchange with its time, each finding with its way out and rule, and a sum."""
    issuer.misbehave("jwks", "empty-set")
    done = ran(issuer.url)
    assert (done.code, done.err) == (1, "")
    assert f"{issuer.url}.well-known/jwks.json -> 200" in done.out
    assert (
        "error: no key of the set can verify a signature\n  way out  publish the key that signs\n" in done.out
    )
    assert done.out.splitlines()[-1].startswith("1 error, ")


def test_a_token_too(issuer: LocalIssuer) -> None:
    """It is verified, from stdin or an argument; a refusal is an error with its way out."""
    good = ran(issuer.url, "--token", "-", "--json", stdin=issuer.token())
    assert (good.code, good.found("error")) == (0, set())
    bad = ran(issuer.url, "--token", issuer.attack("expired"), "--json")
    assert (bad.code, bad.found("error")) == (1, {"token"})
    endless = issuer.token(exp=1_800_000_000_000, iat=1_700_000_000_000)
    times = ran(issuer.url, "--token", "-", "--json", stdin=endless)
    assert (times.code, times.found("error"), "token" in times.found("warning")) == (1, {"token"}, True)
    aud = ran(issuer.url, "--token", issuer.token(), "--audience", "other", "--json")
    (finding,) = (one for one in aud.document["findings"] if one["severity"] == "error")
    assert "--audience" in finding["hint"]
    assert issuer.audience not in finding["message"]


def test_not_an_issuer_is_2() -> None:
    """A name that no issuer has is a mistake on the command line."""
    assert ran("https://a.example/?x=1").code == 2
