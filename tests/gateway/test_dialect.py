"""Where each proxy says what its client asked for."""

from __future__ import annotations

import pytest

from rightkey import Misconfigured
from rightkey.gateway.dialect import DIALECTS, OriginalRequest, Unsaid, dialect_of

SENT = {
    "host": ["gateway:9090"],
    **{f"x-original-{name}": [f"original-{name}"] for name in ("method", "uri", "host")},
    **{f"x-forwarded-{name}": [f"forwarded-{name}"] for name in ("method", "uri", "host")},
}


@pytest.mark.parametrize(
    ("proxy", "expected"),
    [
        ("nginx", OriginalRequest("original-method", "original-uri", "original-host")),
        ("haproxy", OriginalRequest("original-method", "original-uri", "original-host")),
        ("caddy", OriginalRequest("forwarded-method", "forwarded-uri", "forwarded-host")),
        ("traefik", OriginalRequest("forwarded-method", "forwarded-uri", "forwarded-host")),
        ("envoy", OriginalRequest("PUT", "/line", "gateway:9090")),
    ],
)
def test_each_proxy_is_believed_where_it_speaks_itself(proxy: str, expected: OriginalRequest) -> None:
    """And nowhere else, whatever its client sent under the names of another proxy."""
    assert dialect_of(proxy).original("PUT", "/line", SENT) == expected


@pytest.mark.parametrize("proxy", DIALECTS)
def test_what_is_not_said_once_is_not_said(proxy: str) -> None:
    """A header that is missing, or twice, is a proxy that is configured otherwise than its dialect."""
    dialect = DIALECTS[proxy]
    for name in dialect.names:
        for values in ([], ["/a", "/b"]):
            with pytest.raises(Unsaid, match=name):
                dialect.original("GET", "/", SENT | {name: values})


def test_a_proxy_is_named() -> None:
    """One of those that are served; a misspelt name is told from an unknown one."""
    with pytest.raises(Misconfigured, match="proxy 'ngimx' is not known") as caught:
        dialect_of("ngimx")
    assert caught.value.hint == "did you mean nginx?"
    for name in ("apache", None, 5):
        with pytest.raises(Misconfigured, match="is not known") as caught:
            dialect_of(name)
        assert caught.value.hint == "one of nginx, caddy, traefik, envoy, haproxy"
