"""Origin: the URL of a request is told by configuration, and has one spelling."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from rightkey.errors import Misconfigured
from rightkey.proof.origin import is_for, normal, origins, urls


@pytest.mark.parametrize(
    ("url", "spelled"),
    [
        ("https://api.example.com", "https://api.example.com/"),
        ("HTTPS://API.Example.COM:443/A", "https://api.example.com/A"),
        ("http://api.example.com:80/", "http://api.example.com/"),
        ("https://api.example.com:80/", "https://api.example.com:80/"),
        ("https://api.example.com:0443/", "https://api.example.com/"),
        ("https://api.example.com:/a", "https://api.example.com/a"),
        ("https://[::1]:8443/a", "https://[::1]:8443/a"),
        ("https://a.example/x?y=1#z", "https://a.example/x"),
        ("https://a.example?y=/b", "https://a.example/"),
        ("https://a.example/%7euser/%41", "https://a.example/~user/A"),
        ("https://a.example/a%2fb", "https://a.example/a%2Fb"),
        ("https://a.example/%zz%", "https://a.example/%zz%"),
        ("https://a.example/a/./b/../c", "https://a.example/a/c"),
        ("https://a.example/a/b/..", "https://a.example/a/"),
        ("https://a.example/../../a/.", "https://a.example/a/"),
        ("https://a.example/a/%2e%2e/b", "https://a.example/b"),
        ("https://a.example/.well-known", "https://a.example/.well-known"),
        ("https://a.example/a|b", "https://a.example/a|b"),
    ],
)
def test_a_url_has_one_spelling(url: str, spelled: str) -> None:
    """RFC 3986, sections 6.2.2 and 6.2.3."""
    assert normal(url) == spelled


@given(some.text("https://a.EX%2eE:443/..?#@[]", max_size=40) | some.text())
def test_a_spelling_is_its_own(url: str) -> None:
    """To spell it again changes nothing."""
    spelled = normal(url)
    assert spelled is None or normal(spelled) == spelled


@pytest.mark.parametrize(
    "url",
    [
        *("", "/a", "api.example.com", "ftp://a.example/", "https:///a", "https://user@a.example/"),
        *("https://a.example/ a", "https://a.example/\n", "\thttps://a.example/", "https://a.example\\b"),
        *("https://a.example:x/", "https://a.example:123456/", "https://ä.example/", "https://a.example/ä"),
    ],
)
def test_what_is_no_url_has_none(url: str) -> None:
    """Nothing is stripped from it, and nothing guessed."""
    assert normal(url) is None


@pytest.mark.parametrize(
    ("given", "known"),
    [
        (None, ()),
        ("https://api.example.com/", ("https://api.example.com",)),
        ("https://API.example.com:443/v1/", ("https://api.example.com/v1",)),
        (["https://a.example", "http://b.internal:8080"], ("https://a.example", "http://b.internal:8080")),
    ],
)
def test_an_origin_may_be_several_and_have_a_path(given: Any, known: tuple[str, ...]) -> None:
    """Below which a proxy shows the API."""
    assert origins(given) == known


@pytest.mark.parametrize(
    "given", ["", "api.example.com", "https://a.example/?x", "https://a.example/#", 5, [5], []]
)
def test_an_origin_must_be_a_url(given: Any) -> None:
    """That is told when the verifier is built."""
    with pytest.raises(Misconfigured, match="origin"):
        origins(given)


@pytest.mark.parametrize(
    ("known", "url", "found"),
    [
        (("https://a.example",), "/x?y=1", ("https://a.example/x",)),
        (
            ("https://a.example", "https://b.example/v1"),
            "/x",
            ("https://a.example/x", "https://b.example/v1/x"),
        ),
        (("https://a.example",), "http://10.0.0.1:8000/x?y", ("https://a.example/x",)),
        (("https://a.example",), "http://10.0.0.1:8000", ("https://a.example/",)),
        (("https://a.example",), "/%7ea", ("https://a.example/~a",)),
        (("https://a.example",), "/admin/../a", ("https://a.example/admin/../a",)),
        (("https://a.example",), "//evil.example/a", ("https://a.example//evil.example/a",)),
        ((), "HTTPS://A.example:443/x?y", ("https://a.example/x",)),
        ((), "/x", ()),
        (("https://a.example",), "*", ()),
        (("https://a.example",), "", ()),
        (("https://a.example",), "/\x80", ()),
    ],
)
def test_only_the_path_is_the_requests(known: tuple[str, ...], url: str, found: tuple[str, ...]) -> None:
    """Where an origin is configured; and the path of a request is not resolved."""
    assert urls(known, url) == found


_LETTERS = "https://a.example/b%2f%41?c#..~ \x7fé"
_PATHS = some.text(_LETTERS, max_size=12).map(lambda text: "/" + text) | some.text(_LETTERS, max_size=20)


@given(_PATHS, _PATHS, some.sampled_from(["https://a.example", "https://a.example/v1", "", None]))
def test_what_is_plain_is_judged_as_all_else(path: str, other: str, before: str | None) -> None:
    """What is compared as it stands would be found the same once it is spelled anew."""
    known = ("https://b.example", "https://a.example", "https://a.example/v1")
    for url in {path, other}:
        htu = url if before is None else before + path
        assert is_for(htu, known, url) == (normal(htu) in urls(known, url))


@pytest.mark.parametrize(
    ("htu", "url", "found"),
    [
        ("https://a.example/x", "/x", True),
        ("https://a.example/x", "/x?y=1", True),
        ("https://a.example/x?z", "/x?y=1", True),
        ("https://A.example:443/x", "/x", True),
        ("https://a.example/%78", "/x", True),
        ("https://a.example/x", "/%78", True),
        ("https://b.example/v1/x", "/x", True),
        ("https://a.example/.well-known/x", "/.well-known/x", True),
        ("https://b.example/x", "/x", False),
        ("https://a.example/x", "/x/", False),
        ("https://a.example/x y", "/x y", False),
        ("https://a.example/\x7f", "/\x7f", False),
        ("https://a.example/é", "/é", False),
        ("https://a.examplehttps://a.example", "https://a.example", False),
        ("https://a.example", "", False),
        ("https://a.example/admin/../a", "/admin/../a", False),
        ("https://a.example/admin/./a", "/admin/./a", False),
        ("https://a.example/a", "/admin/../a", False),
    ],
)
def test_a_proof_is_for_one_url(htu: str, url: str, found: bool) -> None:
    """However both are spelled. No proof is for a path that goes upwards, though it says the same."""
    assert is_for(htu, ("https://a.example", "https://b.example/v1"), url) is found
