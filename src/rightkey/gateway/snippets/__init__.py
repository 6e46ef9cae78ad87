"""Snippets: the configuration of each proxy, as it is tested with the proxy itself."""

from __future__ import annotations

from importlib.resources import files

FILES = {
    "nginx": ("nginx.conf",),
    "caddy": ("Caddyfile",),
    "traefik": ("traefik.yml", "traefik-routes.yml"),
    "envoy": ("envoy.yaml",),
    "haproxy": ("haproxy.cfg", "haproxy.lua"),
}
"""The files of each proxy."""


def of(proxy: str) -> dict[str, str]:
    """The texts of a proxy's files, by name."""
    return {name: files(__name__).joinpath(name).read_text(encoding="utf-8") for name in FILES[proxy]}
