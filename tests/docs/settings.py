"""Makes docs/settings.md from the code: python tests/docs/settings.py > docs/settings.md"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from rightkey import Certificates, Denylist, DPoP, Freshness, Introspection, Misconfigured, Verifier
from rightkey.cli.verify import verify
from rightkey.gateway.configuration import TOP, configuration_of
from rightkey.gateway.environment import PREFIX, READ
from rightkey.policy.trust import Trust
from rightkey.transport.default import DefaultTransport
from rightkey.verifier.variables import VARIABLES

INTRODUCTION = """# Settings

Where to set each setting of a verifier: in Python, by a variable of the [environment](environment.md), by an
option of [`rightkey verify`](cli.md#rightkey-verify-token), and in the [gateway](gateway.md)'s file. Without
a file, a gateway reads the variables. A setting means the same everywhere, and the error for a wrong or
misspelt one names it. `python tests/docs/settings.py` makes this page from the code.

In Python a `Denylist` may have a store of its own; elsewhere it uses the verifier's. If a setting cannot be
made somewhere, the table says why:

| the table says | because |
| --- | --- |
| the default fits | the setting bounds what an issuer can cost, and has its value for a reason |
| only in Python | the setting is an object |
| it removes a check | a forgotten variable must not do that |
| one run | a command remembers nothing, and shares nothing with a fleet |
| no request | a proof is for a request, and a command gets only a token |
| only JWTs | an opaque token says nothing that could be explained |

| in Python | variable | `rightkey verify` | `gateway.toml` |
| --- | --- | --- | --- |
"""
WHOLES: Mapping[str, type[Any]] = {
    "certificates": Certificates,
    "freshness": Freshness,
    "transport": DefaultTransport,
    "dpop": DPoP,
    "introspection": Introspection,
    "denylist": Denylist,
}
"""Settings that are made of others; certificates may be a word, too."""
OPTIONS = {
    "keys": "--jwks",
    "algorithms": "--alg",
    "require_exp": "--no-exp",
    "certificates.roots": "--roots",
    "certificates.pins": "--pin",
    "clock": "--at",
    "freshness.wait": "--timeout",
    "transport.ca_file": "--ca-file",
    "transport.plain_http": "--plain-http",
    "transport.truststore": "--truststore",
    "transport.strict_x509": "--strict-x509",
}
"""What `rightkey verify` calls otherwise than Python."""
VALID = ("RIGHTKEY_CERTIFICATES=valid", "--certificates valid", '[[issuer]] certificates = "valid"')
"""Where the dates of certificates are asked for: that has a word."""
FILES = {"store_secret": "store_secret_file", "dpop.nonce_secret": "dpop.nonce_secret_file"}
FILES |= {"introspection.secret": "introspection.secret_file"}
"""What the gateway reads from a file of its own."""
TUNING = "the default fits"
CODE = "only in Python"
LOOSE = "it removes a check"
ONE_RUN = "one run"
PROOF = "no request"
OPAQUE = "only JWTs"
WHY: Mapping[str, tuple[str, str, str]] = {
    "require_exp": (LOOSE, "", ""),
    "clock": (CODE, "", CODE),
    "elapsed": (CODE, CODE, CODE),
    "listener": (CODE, CODE, CODE),
    "remember": ("", ONE_RUN, ""),
    "origin": ("", PROOF, ""),
    "store": ("", ONE_RUN, ""),
    "store_secret": ("", ONE_RUN, ""),
    "freshness": (TUNING, ONE_RUN, ""),
    "dpop": (CODE, PROOF, CODE),
    "denylist": (CODE, ONE_RUN, CODE),
    "introspection": (TUNING, OPAQUE, ""),
    "transport": (CODE, CODE, CODE),
    "certificates": (CODE, CODE, CODE),
    "transport.user_agent": (TUNING, TUNING, ""),
    "transport.trust_env": (TUNING, TUNING, ""),
}
"""Why not: for each setting, or all of a whole; by variable, option and file."""


OWN = """
## The gateway's own

| `gateway.toml` | variable |
| --- | --- |
"""
IN_THE_FILE = "only in the file"
OTHERWISE = {
    "issuer": "`RIGHTKEY_ISSUER` and those above, for one",
    "route": "`RIGHTKEY_GATEWAY_PUBLIC`, and `RIGHTKEY_REQUIRE` for the rest of the paths",
    "carrier": IN_THE_FILE,
}
"""What is no single variable."""


def settings() -> Iterator[str]:
    """Each setting, with those that it is made of in its place."""
    for name in [name for name in inspect.signature(Verifier).parameters if name != "self"]:
        whole = WHOLES.get(name)
        if whole in (None, Certificates):
            yield name
        if whole is not None:
            yield from [f"{name}.{one.name}" for one in fields(whole) if one.init]


def page() -> str:
    """The page."""
    options = {option.name: option.opts[0] for option in verify.params if isinstance(option, click.Option)}
    variables = {
        f"{one.part_of}.{one.setting}" if one.part_of else one.setting: one.name for one in VARIABLES
    }
    rows = []
    for name in settings():
        found = (
            VALID
            if name == "certificates.dates"
            else (variables.get(name), OPTIONS.get(name, options.get(name)), in_the_file(name))
        )
        rows.append(f"| `{name}` | {' | '.join(_cell(name, face, one) for face, one in enumerate(found))} |")
    own = [f"| `{name}` | {_variable(name)} |" for name in TOP if name not in _of_verifiers()]
    return INTRODUCTION + "\n".join(rows) + "\n" + OWN + "\n".join(own) + "\n"


def _of_verifiers() -> set[str]:
    """What the gateway's file has of them at its top."""
    return {FILES.get(name, name).partition(".")[0] for name in settings()} - {"issuer"}


def _variable(name: str) -> str:
    variable = f"{PREFIX}{name.upper()}"
    found = f"`{variable}`" if variable in READ else OTHERWISE.get(name)
    assert found is not None, f"{name} is missing, and no reason is given"
    return found


def _cell(name: str, face: int, found: str | None) -> str:
    if found is not None:
        return f"`{found}`"
    why = WHY.get(name, WHY.get(name.partition(".")[0]))
    assert why is not None, f"{name} is missing, and no reason is given"
    assert why[face], f"{name} is missing, and no reason is given: {('variable', 'option', 'file')[face]}"
    return why[face]


def in_the_file(name: str) -> str | None:
    """Where the gateway's file has a setting, if it knows the name."""
    whole, _, part = FILES.get(name, name).rpartition(".")
    own = whole == "introspection" or (not whole and part in {one.name for one in fields(Trust) if one.init})
    table = {part: object()} if not whole else {whole: {part: object()}}
    issuer: dict[str, Any] = {"issuer": "https://issuer.example", "audience": "api"}
    document: dict[str, Any] = {"proxy": "nginx", "route": [{}], "origin": "https://api.example"}
    document |= {"issuer": [issuer | (table if own else {})]} | ({} if own else table)
    try:
        configuration_of(document, Path())
    except Misconfigured as error:
        if "unknown setting" in str(error):
            return None
    except TypeError:  # it was known, and is no object
        pass
    place = ".".join(["issuer"] * own + [whole] * bool(whole))
    place = "[issuer]" if place == "issuer" else place  # one of an array of tables
    return f"[{place}] {part}" if place else part


if __name__ == "__main__":
    print(page(), end="")
