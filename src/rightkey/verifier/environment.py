"""Settings as environment variables: which there are, and how each is written.

A variable that is empty counts as not set. One that looks like a misspelt one of these is refused: a misspelt
requirement must not end as no requirement. Others are let be.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from rightkey.errors import IssuerMisbehaved, Misconfigured, quoted
from rightkey.freshness.settings import Freshness

PREFIX = "RIGHTKEY_"
_START = "RI"
_INJECTED = r"_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_[A-Z]+(_(PROTO|PORT|ADDR))?)?)$"
_MAX_SECRET = 16_384
_DER = "M[A-Za-z0-9+/]{50,}={0,2}"
_Built = TypeVar("_Built")


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


def built(build: Callable[..., _Built], environ: Mapping[str, str], given: Mapping[str, Any]) -> _Built:
    """What `build` makes of the settings in an environment.

    Args:
        build: such as `Verifier`.
        environ: the variables.
        given: settings that count instead of their variables.

    Raises:
        Misconfigured: names the variable at fault, where it is one.
    """
    _require_spelled(environ)
    require_bare(environ, [one.name for one in VARIABLES])
    chosen = [one for one in VARIABLES if environ.get(one.name, "").strip() and not _counts(given, one)]
    for setting in _NEEDED:
        if setting not in given and not any(one.setting == setting for one in chosen):
            raise Misconfigured(f"{PREFIX}{setting.upper()} is not set", hint=_EXAMPLES[setting])
    try:
        return build(**_settings(chosen, environ, given))
    except Misconfigured as error:
        culprit = _culprit(build, chosen, environ, given)
        if culprit is None:
            raise
        raise Misconfigured(f"{culprit.name}: {error}", hint=error.hint) from None


def _counts(given: Mapping[str, Any], variable: Variable) -> bool:
    return (variable.part_of or variable.setting) in given


def _settings(
    chosen: Sequence[Variable],
    environ: Mapping[str, str],
    given: Mapping[str, Any],
    stand_ins: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    settings, parts = dict(given), dict[str, dict[str, Any]]()
    for variable in chosen:
        value = variable.read(environ[variable.name].strip())
        of = variable.part_of
        whole = settings if of is None else parts.setdefault(of, dict((stand_ins or {}).get(of, {})))
        whole[variable.setting] = value
    return settings | {name: _WHOLES[name](**part) for name, part in parts.items()}


def _transport(**settings: Any) -> Any:
    from rightkey.transport.default import DefaultTransport

    return DefaultTransport(**settings)


def _freshness(**settings: Any) -> Freshness:
    """A longest life below the least one by default lowers that one too, which has no variable of its own."""
    least, longest = Freshness().min_life, settings.get("max_life", math.inf)
    return Freshness(**({"min_life": longest} if 0 < longest < least else {}), **settings)


def _introspection(**settings: Any) -> Any:
    from rightkey.introspection.settings import Introspection

    for setting, word in (("client_id", "CLIENT_ID"), ("secret", "SECRET_FILE")):
        if setting not in settings:
            raise Misconfigured(f"{PREFIX}INTROSPECTION_{word} is not set", hint="both are needed")
    return Introspection(**settings)


_WHOLES: dict[str, Callable[..., Any]] = {
    "freshness": _freshness,
    "transport": _transport,
    "introspection": _introspection,
}
"""What the settings of some variables are made into."""


def _culprit(
    build: Callable[..., Any],
    chosen: Sequence[Variable],
    environ: Mapping[str, str],
    given: Mapping[str, Any],
) -> Variable | None:
    """The first variable that `build` does not take, with those before it; None where it is none of them."""
    for count in range(len(chosen) + 1):
        try:
            build(**(_NEEDED | _settings(chosen[:count], environ, given, _NEEDED_PARTS)))
        except Misconfigured:
            return chosen[count - 1] if count else None
    return None  # pragma: no cover - with all of them it was refused before


def _require_spelled(environ: Mapping[str, str]) -> None:
    """Raises Misconfigured where a variable looks like one of ours, and is none."""
    known = frozenset(one.name for one in VARIABLES)
    for name in environ:
        if name[:2].upper() == _START and name not in known and not is_injected(name):
            near = _meant(name)
            if near is not None:
                raise Misconfigured(
                    f"{_shown(name)} is not a variable known here", hint=f"did you mean {near}?"
                )


def _shown(name: str) -> str:
    """A variable's name as a message may hold it: anything may have been pasted before the equals sign."""
    return name if re.fullmatch(r"\w{1,60}", name, re.ASCII) else quoted(name)


def require_bare(environ: Mapping[str, str], names: Iterable[str]) -> None:
    """Raises Misconfigured where a value is in quotes: `docker run --env-file` hands them on."""
    for name in names:
        value = environ.get(name, "").strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            raise Misconfigured(f"{name} is in quotes", hint="leave them out: they are taken as part of it")


def is_injected(name: str) -> bool:
    """Whether Kubernetes sets it beside a service whose name begins with `rightkey`."""
    return re.search(_INJECTED, name) is not None


def _meant(name: str) -> str | None:
    """The variable that a misspelt one was to be: one that it is nearly, or is an abbreviation of."""
    from difflib import get_close_matches

    names = {one.word: one.name for one in VARIABLES}
    if not name.startswith(PREFIX):
        near = get_close_matches(name.upper(), names.values(), 1, 0.85)
        return near[0] if near else None
    word = name.removeprefix(PREFIX)
    if word in _CALLED:
        return names[_CALLED[word]]
    near = get_close_matches(word.upper(), names, 1, 0.7)
    near = near or [one for one in names if len(word) > 2 and one.startswith(word.upper())]
    near = near or [one for one in names if word.upper().startswith(f"{one}_")]
    return names[near[0]] if near else None


_CALLED = {
    other: ours
    for ours, others in {
        "REQUIRE": "SCOPE SCOPES ROLE ROLES GROUP GROUPS PERMISSION PERMISSIONS REQUIRED_SCOPES",
        "IMPLIES": "IMPLIED HIERARCHY SCOPE_HIERARCHY",
        "KEYS": "JWKS JWKS_URL JWKS_URI PUBLIC_KEY",
        "ALGORITHMS": "ALGS",
        "LEEWAY": "SKEW CLOCK_SKEW TOLERANCE",
        "METADATA_URL": "DISCOVERY_URL DISCOVERY WELL_KNOWN WELL_KNOWN_URL OPENID_CONFIGURATION",
        "CA_FILE": "CA CACERT CA_CERT CA_BUNDLE",
        "PLAIN_HTTP": "HTTP ALLOW_HTTP INSECURE INSECURE_HTTP",
        "PROFILE": "TYP TYPE TOKEN_TYPE",
        "SENDER": "DPOP MTLS CNF",
        "ORIGIN": "HTU PUBLIC_URL BASE_URL EXTERNAL_URL",
        "STORE": "REDIS REDIS_URL CACHE CACHE_URL STORE_URL",
        "INTROSPECTION_CLIENT_ID": "CLIENT_ID",
        "INTROSPECTION_SECRET_FILE": "INTROSPECTION_SECRET INTROSPECTION_CLIENT_SECRET CLIENT_SECRET",
        "STORE_SECRET_FILE": "STORE_SECRET STORE_KEY STORE_KEY_FILE",
    }.items()
    for other in others.split()
}
"""What others call these settings: one that is set and not heard must not end as none."""


def words(text: str) -> tuple[str, ...]:
    """Names separated by spaces."""
    return tuple(text.split())


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
    try:
        with open(path, "rb") as file:
            octets = file.read(_MAX_SECRET)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no file's name"
        raise Misconfigured(f"the secret cannot be read from its file: {why}") from None
    return octets if octets.startswith(b"-----BEGIN ") else tuple(octets.split())


def _requirement(text: str) -> Any:
    from rightkey.requirements import parse

    return parse(text)


def _implies(text: str) -> Any:
    from rightkey.jose import strictjson

    try:
        return strictjson.read_unique(text.encode())
    except (strictjson.NotJson, ValueError):
        raise Misconfigured("expected JSON", hint='such as {"files:admin": ["files:read"]}') from None


_NEEDED = {"issuer": "https://issuer.invalid", "audience": "stand-in"}
"""What must be set, and what stands for it while the variable at fault is looked for."""
_NEEDED_PARTS = {"introspection": {"client_id": "stand-in", "secret": "stand-in"}}
"""The same of settings that are parts of others."""

_EXAMPLES = {
    "issuer": "a domain or URL, such as tenant.eu.auth0.com",
    "audience": "the API's identifier at the issuer, such as https://api.example.com",
}

VARIABLES = (
    Variable("ca_file", part_of="transport"),
    Variable("plain_http", words, "transport"),
    Variable("truststore", _yes, "transport"),
    Variable("strict_x509", _yes, "transport"),
    Variable("audience", words),
    Variable("keys", _keys),
    Variable("metadata_url"),
    Variable("issuer"),
    Variable("provider", lambda text: None if text == "none" else text),
    Variable("algorithms", words),
    Variable("leeway", _number),
    Variable("profile"),
    Variable("require", _requirement),
    Variable("implies", _implies),
    Variable("certificates"),
    Variable("sender"),
    Variable("origin", words),
    Variable("remember", whole),
    Variable("store_secret", read_secret, called="STORE_SECRET_FILE"),
    Variable("store"),
    Variable("max_life", _number, "freshness"),
    Variable("stale_if_error", _number, "freshness"),
    Variable("grace", _number, "freshness"),
    Variable("timeout", _number, "freshness"),
    Variable("wait", _number, "freshness"),
    Variable("client_id", part_of="introspection", called="INTROSPECTION_CLIENT_ID"),
    Variable("secret", _path, "introspection", called="INTROSPECTION_SECRET_FILE"),
    Variable("auth_method", part_of="introspection", called="INTROSPECTION_AUTH_METHOD"),
    Variable("endpoint", part_of="introspection", called="INTROSPECTION_ENDPOINT"),
)
"""The one at fault is sought in this order: a host that is named allows its URL by http, keys of one's own
allow any issuer, an issuer its provider."""
