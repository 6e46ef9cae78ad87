"""The printed configurations; tests/gateway/test_proxies.py runs them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rightkey.gateway import snippets
from rightkey.gateway.dialect import DIALECTS
from rightkey.integrations.bearer import BEARER

EXAMPLES = Path(__file__).parents[2] / "examples" / "gateway"


@pytest.mark.parametrize("proxy", DIALECTS)
def test_every_proxy_has_its_files(proxy: str) -> None:
    """The same as in the examples, each naming the proxy and where the gateway is."""
    texts = snippets.of(proxy)
    assert list(texts) == list(snippets.FILES[proxy])
    assert any("9090" in text for text in texts.values())
    for name, text in texts.items():
        assert (EXAMPLES / name).read_text(encoding="utf-8") == text


def test_nginx_leaves_out_nothing_that_counts() -> None:
    """Of a client's headers the gateway is sent all that may carry a token or a proof."""
    text = snippets.of("nginx")["nginx.conf"].partition("location = /_rightkey")[2].partition("}")[0]
    left_out = {name.lower() for name in re.findall(r'proxy_set_header (\S+) "";', text)}
    assert "user-agent" in left_out
    assert not left_out & {*DIALECTS["nginx"].names, *BEARER.header_names, "cookie"}
