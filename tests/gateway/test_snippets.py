"""The printed configurations; tests/gateway/test_proxies.py runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rightkey.gateway import snippets
from rightkey.gateway.dialect import DIALECTS

EXAMPLES = Path(__file__).parents[2] / "examples" / "gateway"


@pytest.mark.parametrize("proxy", DIALECTS)
def test_every_proxy_has_its_files(proxy: str) -> None:
    """The same as in the examples, each naming the proxy and where the gateway is."""
    texts = snippets.of(proxy)
    assert list(texts) == list(snippets.FILES[proxy])
    assert any("9090" in text for text in texts.values())
    for name, text in texts.items():
        assert (EXAMPLES / name).read_text(encoding="utf-8") == text
