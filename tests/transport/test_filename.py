"""A file is told of by its name, and never by what may be a secret."""

from __future__ import annotations

import pytest

import rightkey
from rightkey.errors import Misconfigured
from rightkey.transport.filename import named, require_names

PEM = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMG\n-----END PRIVATE KEY-----\n"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.e30.c2VjcmV0"


@pytest.mark.parametrize("file", ["/etc/ssl/a b.pem", "./a", "../a", "~/a.pem", "C:\\certs\\a.pem"])
def test_a_path_is_named(file: str) -> None:
    """So that it can be found."""
    assert named("ca_file", file) == file


@pytest.mark.parametrize("file", [PEM, TOKEN, "hunter2", "/" + "a" * 999, "/a\nb", "/a\x1b[31m", 7, None])
def test_what_may_be_a_secret_is_not(file: object) -> None:
    """Its setting is named in its place."""
    assert named("token_file", file) == "the file of token_file"


@pytest.mark.parametrize("given", [PEM, TOKEN, "", "a\nb", "a\0b", b"/a", 7])
@pytest.mark.parametrize("setting", ["token_file", "ca_file", "certificate_file", "key_file"])
def test_what_a_file_holds_is_refused(setting: str, given: object) -> None:
    """When an object is built, before a traceback or a repr can show it."""
    with pytest.raises(Misconfigured, match=f"^{setting} must be the name of a file") as caught:
        rightkey.Credentials("https://issuer.example", **{setting: given})  # type: ignore[arg-type]
    assert "MIGHA" not in str(caught.value) + repr(caught.value)
    with pytest.raises(Misconfigured):
        require_names(one=None, **{setting: given})


@pytest.mark.parametrize("kind", [rightkey.DefaultTransport, rightkey.GuardedTransport])
def test_an_authority_is_named_by_its_file(kind: type) -> None:
    """By either transport."""
    with pytest.raises(Misconfigured, match="ca_file must be the name of a file"):
        kind(ca_file=PEM)
