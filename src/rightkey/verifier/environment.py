"""Environment: a verifier as environment variables say.

A variable that is empty counts as not set. One that looks like a misspelt one of these is refused: a misspelt
requirement must not end as no requirement. Others are let be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from rightkey.errors import Misconfigured, quoted
from rightkey.policy.named import place_of
from rightkey.verifier.variables import PREFIX, VARIABLES, WHOLES, Variable

_LETTERS = frozenset("RIGHTKEY")
_INJECTED = r"_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_[A-Z]+(_(PROTO|PORT|ADDR))?)?)$"
_Built = TypeVar("_Built")


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
    return settings | {name: WHOLES[name](**part) for name, part in parts.items()}


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
        word = None if name in known or is_injected(name) else _suspect(name)
        if word is None:
            continue
        place, near = _in_code(word), _meant(word)
        if place is not None or near is not None:
            raise Misconfigured(
                f"{_shown(name)} is not a variable known here", hint=place or f"did you mean {near}?"
            )


def _in_code(word: str) -> str | None:
    """Where a setting is given that has no variable: one that is set and not heard must not seem to hold."""
    name = word.removeprefix(PREFIX)
    place = None if name in _CALLED or name == word else place_of(name.lower())
    return place and f"it has no variable, and is set in Python: {place}"


def _suspect(name: str) -> str | None:
    """The word of a name that may be meant for one of ours, in its letters; None where there is none.

    A file of variables may have brought a byte order mark, white space or `export` along with the name. Six
    of the eight letters tell at once that most variables are others' own.
    """
    for word in re.split(r"[^\w.-]+", name.upper()):
        if len(_LETTERS.intersection(word[:9])) >= 6:
            return re.sub("[.-]", "_", word)
    return None


def _shown(name: str) -> str:
    """A variable's name as a message may hold it: anything may have been pasted before the equals sign."""
    return name if re.fullmatch(r"\w{1,60}", name, re.ASCII) else quoted(name)


def require_bare(environ: Mapping[str, str], names: Iterable[str]) -> None:
    """Raises Misconfigured where a value is in quotes, which `docker run --env-file` hands on, has characters
    that are not seen, which come along when it is copied from a page, or is what programs write for none."""
    for name in names:
        value = environ.get(name, "").strip()
        if len(value) > 1 and value[0] + value[-1] in _QUOTES:
            raise Misconfigured(f"{name} is in quotes", hint="leave them out: they are taken as part of it")
        unseen = next((one for one in value if not (one.isprintable() or one in _NO_TEXT)), None)
        if unseen is not None:
            raise Misconfigured(
                f"{name} has a character that is not seen, U+{ord(unseen):04X}", hint="type the value anew"
            )
        if value.lower() in _NOTHING:
            raise Misconfigured(f"{name} is the text of an empty value", hint="leave the variable out")


_QUOTES = frozenset(("''", '""', "``", "\u2018\u2019", "\u201c\u201d", "\u201e\u201c", "\u00ab\u00bb"))
"""Those before and behind a value, typographic ones too."""
_NO_TEXT = frozenset(("\t", "\r", "\n", "\0", *map(chr, range(0xDC80, 0xDD00))))
"""What divides words and lines, what no environment of a process can hold, and octets that are not UTF-8."""
_NOTHING = ("null", "nil", "undefined")
"""What a script writes into a variable where it has no value. (`none` is a provider.)"""


def is_injected(name: str) -> bool:
    """Whether Kubernetes sets it beside a service whose name begins with `rightkey`."""
    return re.search(_INJECTED, name) is not None


def _meant(name: str) -> str | None:
    """The variable that a misspelt one was to be: one that it is nearly, or is an abbreviation of."""
    from difflib import get_close_matches

    names = {one.word: one.name for one in VARIABLES}
    if not name.startswith(PREFIX):
        near = get_close_matches(name, names.values(), 1, 0.85)
        return near[0] if near else None
    word = name.removeprefix(PREFIX)
    if word in _CALLED:
        return names[_CALLED[word]]
    near = get_close_matches(word, names, 1, 0.7)
    near = near or [one for one in names if len(word) > 2 and one.startswith(word)]
    near = near or [one for one in names if word.startswith(f"{one}_")]
    parts = () if word.startswith("GATEWAY_") else word.split("_")
    if not near and _ASKING.intersection(parts):
        near = [one for one in (_CALLED.get(part, part) for part in parts) if one in _NARROWING]
    return names[near[0]] if near else None


_CALLED = {
    other: ours
    for ours, others in {
        "REQUIRE": "REQUIRE REQUIRED SCOPE SCOPES ROLE ROLES GROUP GROUPS PERMISSION PERMISSIONS CLAIMS "
        "AZP AUTHORIZED_PARTY AUTHORIZED_PARTIES CLIENTS SUBJECTS TENANTS",
        "AUDIENCE": "AUDIENCES",
        "IMPLIES": "IMPLIED HIERARCHY SCOPE_HIERARCHY",
        "KEYS": "JWKS JWKS_URL JWKS_URI JWKS_FILE PUBLIC_KEY PUBLIC_KEY_FILE PEM",
        "ALGORITHMS": "ALGORITHMS ALGORITHM ALLOWED_ALGORITHMS ALGS ALG",
        "LEEWAY": "SKEW CLOCK_SKEW TOLERANCE",
        "METADATA_URL": "DISCOVERY_URL DISCOVERY WELL_KNOWN WELL_KNOWN_URL OPENID_CONFIGURATION",
        "CA_FILE": "CA CACERT CA_CERT CA_BUNDLE",
        "PLAIN_HTTP": "HTTP ALLOW_HTTP INSECURE INSECURE_HTTP",
        "PROFILE": "TYP TYPE TOKEN_TYPE",
        "SENDER": "SENDER DPOP MTLS CNF BOUND",
        "ORIGIN": "HTU PUBLIC_URL BASE_URL EXTERNAL_URL",
        "CERTIFICATES": "CERTIFICATES CERTIFICATE CERTS ROOTS PINS PIN",
        "DENYLIST": "DENYLIST BLOCKLIST BLACKLIST REVOKED REVOCATION",
        "MAX_LIFE": "MAX_AGE TTL CACHE_TTL LIFE",
        "STORE": "REDIS REDIS_URL CACHE CACHE_URL STORE_URL",
        "INTROSPECTION_CLIENT_ID": "CLIENT_ID",
        "INTROSPECTION_SECRET_FILE": "INTROSPECTION_SECRET INTROSPECTION_CLIENT_SECRET CLIENT_SECRET",
        "DPOP_NONCE_SECRET_FILE": "NONCE_SECRET DPOP_NONCE_SECRET DPOP_NONCES DPOP_NONCE",
        "STORE_SECRET_FILE": "STORE_SECRET STORE_KEY STORE_KEY_FILE",
    }.items()
    for other in others.split()
}
"""What others call these settings: one that is set and not heard must not end as none."""
_NARROWING = ("REQUIRE", "SENDER", "DENYLIST", "ALGORITHMS", "CERTIFICATES", "AUDIENCE", "PROFILE")
"""Settings without which more may be accepted."""
_ASKING = frozenset(("REQUIRE", "REQUIRES", "REQUIRED", "ALLOW", "ALLOWED", "EXPECTED", "TRUSTED"))
"""Words by which a variable asks something of tokens, as `ALLOWED_ROLES` does, and `ROLE_ARN` does not."""


_NEEDED = {"issuer": "https://issuer.invalid", "audience": "stand-in"}
"""What must be set, and what stands for it while the variable at fault is looked for."""
_NEEDED_PARTS = {
    "introspection": {"client_id": "stand-in", "secret": "stand-in"},
    "denylist": {"on_loss": "serve"},
}
"""The same of settings that are parts of others."""

_EXAMPLES = {
    "issuer": "a domain or URL, such as tenant.eu.auth0.com",
    "audience": "the API's identifier at the issuer, such as https://api.example.com",
}
