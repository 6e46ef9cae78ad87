"""Moving: the issuer, its keys or its name are elsewhere than thought."""

from __future__ import annotations

import pytest

from rightkey.localissuer import Fault, fault


@pytest.mark.parametrize(
    "gone",
    [
        fault("status", code=404),
        fault("status", code=410),
        fault("status", code=403),
        fault("redirect"),
        fault("redirect", code=301),
    ],
    ids=["404", "410", "403", "302", "301"],
)
def test_keys_that_have_moved_are_found(face, issuer, elapsed, gone):
    """The old address answers that they are not there; the metadata names the new one."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).status == 200
    issuer.misbehave("discovery", "moved-jwks-uri")
    issuer.misbehave("jwks", gone)
    elapsed.move(1)
    issuer.rotate(surprise=True)
    assert face.call(verifier, issuer.token()).status == 200
    assert [issuer.requests[name] for name in ("discovery", "jwks", "moved")] == [2, 2, 1]
    elapsed.move(601)
    assert face.call(verifier, issuer.token()).status == 200
    assert [issuer.requests[name] for name in ("discovery", "jwks", "moved")] == [2, 2, 2]


def test_keys_that_have_moved_while_the_old_address_still_answers(face, issuer, elapsed):
    """Where that brings nothing new, metadata of over 10 minutes is read again, in the same call."""
    verifier = face.verifier(issuer, elapsed=elapsed, life=3600)
    assert face.call(verifier, issuer.token()).status == 200
    old = {"keys": [key.public_jwk() for key in issuer.keys]}
    issuer.misbehave("jwks", Fault("old", rewrite=lambda document, scene: old))
    issuer.misbehave("discovery", "moved-jwks-uri")
    issuer.rotate(surprise=True)
    elapsed.move(599)
    assert face.call(verifier, issuer.token()).verdict == (401, "key_not_found")
    assert [issuer.requests[name] for name in ("discovery", "jwks", "moved")] == [1, 2, 0]
    elapsed.move(11)
    assert face.call(verifier, issuer.token()).status == 200
    assert [issuer.requests[name] for name in ("discovery", "jwks", "moved")] == [2, 3, 1]


def test_an_address_that_is_gone_and_no_other_is_named(face, issuer, elapsed):
    """The metadata is asked once, and names the same: held keys serve on."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    known = issuer.token()
    assert face.call(verifier, known).status == 200
    issuer.misbehave("jwks", fault("status", code=404))
    elapsed.move(601)
    assert face.call(verifier, known).status == 200
    assert [issuer.requests[name] for name in ("discovery", "jwks")] == [2, 2]


@pytest.mark.parametrize("slash", [True, False])
def test_an_issuer_with_a_path(face, local, elapsed, slash):
    """OpenID's well-known path comes after the issuer's."""
    issuer = local(path="/tenant/v2.0", slash=slash)
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).status == 200
    assert [one.path for one in issuer.recorded] == [
        "/tenant/v2.0/.well-known/openid-configuration",
        "/tenant/v2.0/.well-known/jwks.json",
    ]


def test_an_issuer_of_rfc_8414_alone(face, local, elapsed):
    """After a 404 the path is inserted behind the host; that is asked for again only when it is due."""
    issuer = local(path="/tenant", slash=False, rfc8414=True)
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).status == 200
    elapsed.move(601)
    assert face.call(verifier, issuer.token()).status == 200
    assert [one.path for one in issuer.recorded] == [
        "/tenant/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/tenant",
        "/tenant/.well-known/jwks.json",
        "/tenant/.well-known/jwks.json",
    ]


def test_an_issuer_named_without_its_slash(face, issuer, elapsed):
    """A full URL is compared letter by letter: `prepare` says what is wrong, and `verify` 503 for it."""
    name = issuer.url.rstrip("/")
    verifier = face.verifier(issuer, named=name, elapsed=elapsed)
    prepared = face.prepare(verifier)
    assert prepared.verdict == (502, "issuer_mismatch")
    assert issuer.url in prepared.error.hint
    outcome = face.call(verifier, issuer.token(iss=name))
    assert outcome.verdict == (503, "keys_unavailable")
    assert outcome.error.__cause__.code == "issuer_mismatch"
    assert face.call(verifier, issuer.token()).verdict == (401, "issuer_not_trusted")
    assert issuer.requests["jwks"] == 0
    assert issuer.requests["discovery"] == 1


def test_an_issuer_that_states_another_name(face, issuer, elapsed):
    """Cold it is 503; while keys are held they serve on."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    known = issuer.token()
    issuer.misbehave("discovery", "wrong-issuer", times=1)
    outcome = face.call(verifier, known)
    assert outcome.verdict == (503, "keys_unavailable")
    assert outcome.error.__cause__.code == "issuer_mismatch"
    elapsed.move(2)
    assert face.call(verifier, known).status == 200
    issuer.misbehave("discovery", "wrong-issuer")
    elapsed.move(3601)
    assert face.call(verifier, known).status == 200
    assert issuer.requests["jwks"] == 2


@pytest.mark.parametrize(
    "uri",
    [
        "http://keys.example/jwks.json",
        "https://user:secret@keys.example/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "",
        7,
        "https://keys.example/#a",
    ],
)
def test_metadata_that_names_an_address_not_to_be_asked(face, issuer, elapsed, uri):
    """Nothing is asked there."""
    issuer.misbehave("discovery", fault("moved-jwks-uri", to=uri) if uri else _without_uri())
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.prepare(verifier).verdict == (502, "metadata_invalid")
    outcome = face.call(verifier, issuer.token())
    assert outcome.verdict == (503, "keys_unavailable")
    assert outcome.error.__cause__.code == "metadata_invalid"
    assert issuer.requests.total == 1


def _without_uri():
    def rewrite(document, scene):
        return {name: value for name, value in document.items() if name != "jwks_uri"}

    return Fault("no-jwks-uri", rewrite=rewrite)


def test_keys_at_a_url_that_was_given(face, issuer, elapsed):
    """No metadata is asked for, and the issuer may be any string."""
    uri = f"{issuer.url}.well-known/jwks.json"
    verifier = face.verifier(issuer, keys=uri, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).status == 200
    elapsed.move(1)
    issuer.rotate(surprise=True)
    assert face.call(verifier, issuer.token()).status == 200
    assert (issuer.requests["discovery"], issuer.requests["jwks"]) == (0, 2)


def test_an_issuer_that_is_not_there(face, local, elapsed):
    """The port is closed: 503, and the cause says which document could not be had."""
    issuer = local()
    token, name = issuer.token(), issuer.url
    issuer.close()
    verifier = face.verifier(issuer, named=name, elapsed=elapsed)
    outcome = face.call(verifier, token)
    assert outcome.verdict == (503, "keys_unavailable")
    assert outcome.error.__cause__.code == "discovery_failed"


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_bare_domain(face, local, elapsed, slash):
    """It names no exact issuer: before metadata is read either spelling passes, then the one it states.

    (Played in process: a domain that is not loopback is asked by https.)
    """
    issuer = local(url=f"https://tenant.example{slash}")
    verifier = face.verifier(issuer, named="tenant.example", elapsed=elapsed, transport=issuer.transport())
    other = issuer.token(iss="https://tenant.example" + ("" if slash else "/"))
    assert face.call(verifier, issuer.token(iss="https://other.example")).verdict == (
        401,
        "issuer_not_trusted",
    )
    assert issuer.requests.total == 0
    assert face.call(verifier, other).verdict == (401, "issuer_not_trusted")
    assert face.call(verifier, issuer.token()).status == 200
    assert issuer.requests.total == 2
