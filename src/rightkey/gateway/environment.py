"""Environment: a gateway for one issuer, told by variables instead of a file.

What is said of the issuer is called as for `Verifier.from_env`: `RIGHTKEY_ISSUER`, `RIGHTKEY_AUDIENCE`,
`RIGHTKEY_REQUIRE` and others. What is said of the gateway begins with `RIGHTKEY_GATEWAY_`. Every path needs
a token, but for those that are named as public; for other routes there is the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import partial
from typing import Any

from rightkey.errors import Misconfigured, quoted
from rightkey.freshness.settings import Freshness
from rightkey.gateway.configuration import REMEMBER, Configuration, configured, host_of
from rightkey.gateway.denials import require_store
from rightkey.gateway.dialect import DIALECTS
from rightkey.gateway.proofs import require_origin
from rightkey.integrations.settings import nearest
from rightkey.policy.trust import Trust
from rightkey.verifier.environment import built, is_injected, require_bare
from rightkey.verifier.variables import VARIABLES, whole, words

PREFIX = "RIGHTKEY_GATEWAY_"


def is_told(environ: Mapping[str, str]) -> bool:
    """Whether an environment is meant to tell of a gateway."""
    return any(environ.get(name, "").strip() for name in (f"{PREFIX}PROXY", "RIGHTKEY_ISSUER"))


def configuration_in(environ: Mapping[str, str]) -> Configuration:
    """The configuration that an environment holds.

    Raises:
        Misconfigured: names the variable at fault.
    """
    document = _document(environ)
    return built(partial(_configuration, document), environ, {})


def _document(environ: Mapping[str, str]) -> dict[str, Any]:
    """What is said of the gateway, as its file would."""
    _require_known(environ)
    require_bare(environ, READ)
    if not environ.get(f"{PREFIX}PROXY", "").strip():
        raise Misconfigured(f"{PREFIX}PROXY is not set", hint=f"one of {', '.join(DIALECTS)}")
    document: dict[str, Any] = {"proxy": "nginx", "route": [{}]}
    for name, read in READ.items():
        text = environ.get(name, "").strip()
        if not text:
            continue
        try:
            document |= read(text)
            configured(document, (), (), **_MEANS)
        except Misconfigured as error:
            raise Misconfigured(f"{name}: {error}", hint=error.hint) from None
    return document


def _configuration(document: Mapping[str, Any], **settings: Any) -> Configuration:
    """Raises Misconfigured, also for what is seen only when it is used."""
    of_trust = {field.name for field in fields(Trust) if field.init}
    trust = Trust(**{name: value for name, value in settings.items() if name in of_trust})
    means = {name: value for name, value in settings.items() if name not in of_trust}
    require_store(means.get("denylist"), means.get("store"))
    require_origin(means.get("dpop"), means.get("origin"))
    made = configured(document, (trust,), (host_of(trust),), **(_MEANS | means))
    made.decision()
    return made


def _require_known(environ: Mapping[str, str]) -> None:
    """Raises Misconfigured: a variable is for the gateway, and unknown."""
    for name in environ:
        if name.startswith(PREFIX) and name not in READ and not is_injected(name):
            word = nearest(name.removeprefix(PREFIX), _WORDS, 0.7)
            near = None if word is None else _WORDS[word]
            hint = f"did you mean {near}?" if near else f"known: {', '.join(READ)}"
            raise Misconfigured(f"{quoted(name)} is not a variable known here", hint=hint)


def _identity(text: str) -> dict[str, Any]:
    pairs = [word.partition("=") for word in words(text)]
    if not all(equals and claim for _, equals, claim in pairs):
        raise Misconfigured(
            "it must be headers, each with its claim", hint="X-Auth-Subject=sub X-Auth-Scopes=scope"
        )
    if len({header for header, _, _ in pairs}) < len(pairs):
        raise Misconfigured("a header stands there twice")
    return {"identity": {header: claim for header, _, claim in pairs}}


def _public(text: str) -> dict[str, Any]:
    return {"route": [*({"path": path, "public": True} for path in words(text)), {}]}


def _setting(name: str, read: Callable[[str], Any] = str) -> Callable[[str], dict[str, Any]]:
    return lambda text: {name: read(text)}


READ: dict[str, Callable[[str], dict[str, Any]]] = {
    f"{PREFIX}PROXY": _setting("proxy"),
    f"{PREFIX}LISTEN": _setting("listen"),
    f"{PREFIX}PLAIN": _setting("plain"),
    f"{PREFIX}WORKERS": _setting("workers", whole),
    f"{PREFIX}PEERS": _setting("peers", words),
    f"{PREFIX}REALM": _setting("realm"),
    f"{PREFIX}RESOURCE_METADATA": _setting("resource_metadata"),
    f"{PREFIX}IDENTITY": _identity,
    f"{PREFIX}PUBLIC": _public,
}
"""How each is read into what the file would say."""
_WORDS = {one.word: one.name for one in VARIABLES} | {name.removeprefix(PREFIX): name for name in READ}
_MEANS: dict[str, Any] = {
    "remember": REMEMBER,
    "origin": (),
    "freshness": Freshness(),
    "transport": None,
    "store": None,
    "store_secret": None,
}
"""Where no variable says otherwise."""
