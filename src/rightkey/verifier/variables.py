"""Variables: which settings an environment may hold, and how each is written."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from rightkey.errors import IssuerMisbehaved, Misconfigured, quoted
from rightkey.freshness.settings import Freshness

PREFIX = "RIGHTKEY_"
_MAX_SECRET = 16_384
_DER = "M[A-Za-z0-9+/]{50,}={0,2}"


class Variable(NamedTuple):
    """One variable: which setting it is, how its text is read, and of which value it is a part."""

    setting: str
    read: Callable[[str], Any] = str
    part_of: str | None = None
    called: str | None = None
    """Where its name is another than the setting's."""

    @property
    def name(self) -> str:
        """What it is called in the environment."""
        return PREFIX + self.word

    @property
    def word(self) -> str:
        """That without the prefix."""
        return self.called or self.setting.upper()


def words(text: str) -> tuple[str, ...]:
    """Names separated by spaces."""
    return tuple(text.split())


def _names(text: str) -> tuple[str, ...]:
    """The same, of names without commas: a list in another form would be one name that fits nothing."""
    if "," in text or text.startswith("["):
        raise Misconfigured(f"expected names with spaces between, got {quoted(text)}", hint="such as: a b")
    return words(text)


def _audience(text: str) -> tuple[str, ...]:
    if text.lower() in ("*", "any", "rightkey.any"):
        raise Misconfigured("rightkey.ANY can be set in code only", hint="name the API's own identifier")
    if re.search(r"\$[\w(]|[{}<>]|%\w+%|(?i:^(none|nan|changeme)$)", text):
        raise Misconfigured(f"{quoted(text)} is a placeholder", hint="it was not filled in")
    return _names(text)


def _keys(text: str) -> Any:
    """A URL or a path; or the keys themselves: JSON, PEM, or the base64 of a public key."""
    from pathlib import Path

    from rightkey.jose.keyset import KeySet

    if text.startswith(("{", "[")):
        try:
            return KeySet.parse(text)
        except IssuerMisbehaved as error:
            raise Misconfigured(str(error)) from None
    if re.fullmatch(_DER, text):
        text = f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----"
    if text.startswith("-----BEGIN "):
        return KeySet.from_pem(text.replace("\\n", "\n"))  # many tools cannot put a line end into a variable
    return text if "://" in text else Path(text)


def _path(text: str) -> Any:
    from pathlib import Path

    return Path(text)


def _number(text: str) -> float:
    if text.isascii() and "_" not in text:  # Python takes 1_0 for 10
        with suppress(ValueError):  # which quotes the text: nothing is raised while it is being handled
            return float(text)
    raise Misconfigured(f"expected a number, got {quoted(text)}")


def whole(text: str) -> int:
    """A whole number. Raises Misconfigured."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Misconfigured(f"expected a whole number, got {quoted(text)}")
    return int(text)


def _yes(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise Misconfigured(f"expected true or false, got {quoted(text)}")
    return text.lower() == "true"


def read_secret(path: str) -> Any:
    """What is in a file: PEM, or a secret a line, the one that counts first."""
    octets, why = None, "it is no file's name"
    try:
        with open(path, "rb") as file:
            octets = file.read(_MAX_SECRET)
    except (OSError, ValueError) as error:  # which quotes the name, in whose place a secret may be given
        why = getattr(error, "strerror", None) or why
    if octets is None:
        raise Misconfigured(f"the secret cannot be read from its file: {why}")
    return octets if octets.startswith(b"-----BEGIN ") else tuple(octets.split())


def read_line(path: str) -> Any:
    """The one secret in a file. Raises Misconfigured."""
    lines = read_secret(path)
    if len(lines) != 1:
        raise Misconfigured(
            "the secret must be the one line of its file", hint="openssl rand -base64 32 writes such a one"
        )
    return lines[0]


def _requirement(text: str) -> Any:
    from rightkey.requirements import parse

    if re.search(r"\$[\w({]|\[\]|%\w+%|(?i:^(none|nan|true|false)$)", text):
        raise Misconfigured(
            f"requirement {quoted(text)} is a placeholder, or the text of an empty value",
            hint="such as read:x; without the variable nothing is required",
        )
    return parse(text)


def read_implies(text: str) -> Any:
    """Which scopes imply others, as JSON. Raises Misconfigured."""
    from rightkey.jose import strictjson

    try:
        return strictjson.read_unique(text.encode())
    except (strictjson.NotJson, ValueError):
        raise Misconfigured("expected JSON", hint='such as {"files:admin": ["files:read"]}') from None


def _transport(**settings: Any) -> Any:
    from rightkey.transport.default import DefaultTransport

    return DefaultTransport(**settings)


def _freshness(**settings: Any) -> Freshness:
    """A longest life below the least one by default lowers that one too, which has no variable of its own."""
    least, longest = Freshness().min_life, settings.get("max_life", math.inf)
    return Freshness(**({"min_life": longest} if 0 < longest < least else {}), **settings)


def _introspection(**settings: Any) -> Any:
    from rightkey.policy.introspection import Introspection

    for setting, word in (("client_id", "CLIENT_ID"), ("secret", "SECRET_FILE")):
        if setting not in settings:
            raise Misconfigured(f"{PREFIX}INTROSPECTION_{word} is not set", hint="both are needed")
    return Introspection(**settings)


def _denylist(**settings: Any) -> Any:
    from rightkey.verdict.denylist import Denylist

    if "on_loss" not in settings:
        raise Misconfigured(f"{PREFIX}DENYLIST is not set", hint="serve or refuse")
    return Denylist(**settings)


def _dpop(**settings: Any) -> Any:
    from rightkey.proof.settings import DPoP

    return DPoP(**settings)


WHOLES: dict[str, Callable[..., Any]] = {
    "freshness": _freshness,
    "transport": _transport,
    "introspection": _introspection,
    "denylist": _denylist,
    "dpop": _dpop,
}
"""What the settings of some variables are made into."""


VARIABLES = (
    Variable("ca_file", part_of="transport"),
    Variable("plain_http", words, "transport"),
    Variable("truststore", _yes, "transport"),
    Variable("strict_x509", _yes, "transport"),
    Variable("audience", _audience),
    Variable("keys", _keys),
    Variable("metadata_url"),
    Variable("issuer"),
    Variable("provider", lambda text: None if text == "none" else text),
    Variable("algorithms", _names),
    Variable("leeway", _number),
    Variable("profile"),
    Variable("require", _requirement),
    Variable("implies", read_implies),
    Variable("certificates"),
    Variable("sender"),
    Variable("origin", _names),
    Variable("algorithms", _names, "dpop", "DPOP_ALGORITHMS"),
    Variable("max_age", _number, "dpop", "DPOP_MAX_AGE"),
    Variable("ahead", _number, "dpop", "DPOP_AHEAD"),
    Variable("nonce_secret", read_line, "dpop", "DPOP_NONCE_SECRET_FILE"),
    Variable("remember", whole),
    Variable("store_secret", read_secret, called="STORE_SECRET_FILE"),
    Variable("store"),
    Variable("on_loss", str, "denylist", "DENYLIST"),
    Variable("longest", _number, "denylist", "DENYLIST_LONGEST"),
    Variable("max_life", _number, "freshness"),
    Variable("stale_if_error", _number, "freshness"),
    Variable("grace", _number, "freshness"),
    Variable("timeout", _number, "freshness"),
    Variable("wait", _number, "freshness"),
    Variable("client_id", part_of="introspection", called="INTROSPECTION_CLIENT_ID"),
    Variable("secret", _path, "introspection", called="INTROSPECTION_SECRET_FILE"),
    Variable("auth_method", part_of="introspection", called="INTROSPECTION_AUTH_METHOD"),
    Variable("endpoint", part_of="introspection", called="INTROSPECTION_ENDPOINT"),
    Variable("life", _number, "introspection", "INTROSPECTION_LIFE"),
    Variable("signed", _yes, "introspection", "INTROSPECTION_SIGNED"),
    Variable("require_audience", _yes, "introspection", "INTROSPECTION_REQUIRE_AUDIENCE"),
    Variable("algorithm", part_of="introspection", called="INTROSPECTION_ALGORITHM"),
    Variable("kid", part_of="introspection", called="INTROSPECTION_KID"),
    Variable("assertion_audience", part_of="introspection", called="INTROSPECTION_ASSERTION_AUDIENCE"),
)
"""The one at fault is sought in this order: a host that is named allows its URL by http, keys of one's own
allow any issuer, an issuer its provider."""
