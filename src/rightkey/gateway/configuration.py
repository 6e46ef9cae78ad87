"""Configuration: gateway.toml, read into what the gateway is made of. An error says where the mistake is."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rightkey.errors import Misconfigured, quoted
from rightkey.freshness.settings import Freshness
from rightkey.gateway.address import Address
from rightkey.gateway.decision import Decision
from rightkey.gateway.denials import denylist_of
from rightkey.gateway.dialect import Dialect, dialect_of
from rightkey.gateway.identity import Identity
from rightkey.gateway.peers import LOOPBACK, Peers
from rightkey.gateway.proofs import dpop_of, sharing
from rightkey.gateway.reading import are_texts, at, require_known, table_of, tables, text_of, word_of
from rightkey.gateway.routes import Route, Routes
from rightkey.integrations.bearer import BEARER, Bearer, Carrier
from rightkey.integrations.certificates import network
from rightkey.policy.trust import ANY, Trust, requirement_of
from rightkey.requirements import Requirement, parse
from rightkey.verifier.one import Surroundings, TrustedIssuer
from rightkey.verifier.single import memory_of
from rightkey.verifier.tasks import AsyncVerifier
from rightkey.verifier.variables import read_secret

if TYPE_CHECKING:
    from rightkey.exchange import Transport
    from rightkey.proof.settings import DPoP
    from rightkey.verdict.denylist import Denylist

MAX_WORKERS = 256
"""Processes that serve."""
REMEMBER = 4096
"""Verified tokens that each worker remembers by default."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the gateway is told. `names` are those of the issuers, in the order of `trusts`."""

    listen: Address
    plain: Address
    workers: int
    dialect: Dialect
    peers: Peers
    bearer: Bearer
    identity: Identity
    routes: Routes
    trusts: tuple[Trust, ...]
    names: tuple[str, ...]
    remember: int
    origin: tuple[str, ...]
    freshness: Freshness
    transport: Transport | None
    store: str | None
    store_secret: Any = field(repr=False)
    dpop: DPoP | None = None
    denylist: Denylist | None = None

    def decision(self, used: str | None = None) -> Decision:
        """What answers, with keys of its own.

        Args:
            used: a directory in which workers share used proofs, where they have no store.

        Raises:
            Misconfigured: two issuers are one, keys cannot be found by what is said of an issuer, or the
                store cannot be used.
        """
        means: dict[str, Any] = {
            **self._means(),
            "remember": self.remember,
            "denylist": self.denylist,
            "origin": self.origin or None,
            "dpop": self.dpop if used is None or self.store is not None else sharing(self.dpop, used),
        }
        if len(self.trusts) == 1:  # which need not be found by a token's `iss`: a fifth of a remembered one
            verifier: Any = AsyncVerifier(**_stated(self.trusts[0]), **means)
        else:
            verifier = AsyncVerifier.of(*self.trusts, **means)
        judging = verifier, self.bearer.beside(verifier), self.identity, self.remember
        return Decision(self.dialect, self.routes, *judging)

    def issuers(self) -> dict[str, TrustedIssuer]:
        """Each issuer by its name: its keys are the same that `decision` judges by."""
        around = Surroundings(**self._means())
        named = zip(self.names, self.trusts, strict=True)
        return {name: TrustedIssuer(trust, memory_of(0), around) for name, trust in named}

    def _means(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("freshness", "transport", "store", "store_secret")}


def read(path: Path) -> Configuration:
    """The configuration in a file.

    Raises:
        Misconfigured: it cannot be read, or says something that cannot be; the message says where.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{quoted(str(path))} is not TOML: {str(error).lower()}") from None
    except (OSError, ValueError) as error:
        raise Misconfigured(f"{quoted(str(path))} cannot be read: {_why(error)}") from None
    return configuration_of(document, path.parent)


def configuration_of(document: Mapping[str, Any], folder: Path) -> Configuration:
    """The configuration that a document holds. `folder`: where relative names of files begin.

    Raises:
        Misconfigured: something cannot be; the message says where.
    """
    require_known(document, TOP)
    trusts, names = _issuers(document, folder)
    means = {
        "remember": document.get("remember", REMEMBER),
        "origin": _origin(document.get("origin", ())),
        "freshness": _made("freshness", Freshness, document.get("freshness", {})),
        "transport": _transport(document.get("transport"), folder),
        "store": text_of(document, "store"),
        "store_secret": _secret(document, folder),
        "dpop": dpop_of(document, folder),
        "denylist": denylist_of(document),
    }
    return configured(document, trusts, names, **means)


def configured(
    document: Mapping[str, Any], trusts: tuple[Trust, ...], names: tuple[str, ...], **means: Any
) -> Configuration:
    """The configuration for these issuers. Of the document counts what is said of the gateway itself.

    Args:
        means: `remember`, `origin`, `dpop`, `denylist`, `freshness`, `transport`, `store`, `store_secret`.

    Raises:
        Misconfigured: something cannot be; the message says where.
    """
    with at("routes"):
        routes = Routes([_route(table, place) for place, table in tables(document, "route")])
    with at("identity"):
        identity = Identity(table_of(document.get("identity", {})))
    return Configuration(
        listen=_address(document, "listen", "127.0.0.1:9090"),
        plain=_address(document, "plain", "127.0.0.1:9091"),
        workers=_workers(document.get("workers")),
        dialect=dialect_of(document.get("proxy")),
        peers=_peers(document.get("peers", LOOPBACK)),
        bearer=_bearer(document),
        identity=identity,
        routes=routes,
        trusts=trusts,
        names=names,
        **means,
    )


def _stated(trust: Trust) -> dict[str, Any]:
    return {field.name: getattr(trust, field.name) for field in fields(trust) if field.init}


def _issuers(document: Mapping[str, Any], folder: Path) -> tuple[tuple[Trust, ...], tuple[str, ...]]:
    stated = tables(document, "issuer")
    if not stated:
        raise Misconfigured(
            "there must be one issuer or more", hint='[[issuer]] with issuer = "..." and audience'
        )
    trusts, names = [], list[str]()
    for place, table in stated:
        with at(f"issuer {place}"):
            trust = _trust({name: value for name, value in table.items() if name != "name"}, folder)
            name = word_of(table, "name") or host_of(trust)
            if name in names:
                raise Misconfigured(f"two issuers are named {quoted(name)}", hint="name = tells them apart")
        trusts.append(trust)
        names.append(name)
    return tuple(trusts), tuple(names)


def _trust(table: Mapping[str, Any], folder: Path) -> Trust:
    settings = dict(table)
    require_known(settings, [field.name for field in fields(Trust) if field.init])
    for name, word, meant in (("audience", "ANY", ANY), ("provider", "none", None)):
        if settings.get(name) == word:
            settings[name] = meant
    if "require" in settings:
        settings["require"] = _requirements(settings["require"])
    if isinstance(settings.get("keys"), str) and "://" not in settings["keys"]:
        settings["keys"] = folder / settings["keys"]
    if "introspection" in settings:
        from rightkey.gateway.opaque import introspection_of  # few issuers have opaque tokens

        settings["introspection"] = introspection_of(settings["introspection"], folder)
    for name in ("issuer", "audience"):
        if name not in settings:
            raise Misconfigured(f"{name} is missing")
    return Trust(**settings)


def _route(table: Mapping[str, Any], place: int) -> Route:
    with at(f"route {place}"):
        settings = dict(table)
        require_known(settings, ("path", "host", "methods", "require", "public", "optional"))
        for name in ("public", "optional"):
            if not isinstance(settings.get(name, False), bool):
                raise Misconfigured(f"{name} must be true or false")
        methods = settings.pop("methods", [])
        if not are_texts(methods):
            raise Misconfigured("methods must be a list of names", hint='such as ["GET", "POST"]')
        for name in ("path", "host"):
            if not isinstance(settings.get(name, ""), str):
                raise Misconfigured(f"{name} must be text")
        require = requirement_of(_requirements(settings.pop("require", ())))
        return Route(**settings, methods=frozenset(methods), require=require)


def _requirements(said: Any) -> tuple[Requirement, ...]:
    texts = [said] if isinstance(said, str) else said
    if texts != () and not are_texts(texts):
        raise Misconfigured("require must be text, or a list of it", hint='such as "read:x" or "role(admin)"')
    return tuple(parse(text) for text in texts)


def _bearer(document: Mapping[str, Any]) -> Bearer:
    carriers = [_carrier(table, place) for place, table in tables(document, "carrier")]
    settings = {name: document[name] for name in ("realm", "resource_metadata") if name in document}
    with at("realm and resource_metadata"):
        if not are_texts([*settings.values()]):
            raise Misconfigured("they must be text")
        return Bearer(carriers or BEARER.carriers, **settings)


def _carrier(table: Mapping[str, Any], place: int) -> Carrier:
    with at(f"carrier {place}"):
        require_known(table, ("place", "name"))
        kind, name = table.get("place"), table.get("name", "authorization")
        if kind not in ("authorization", "header", "cookie", "query") or not isinstance(name, str):
            raise Misconfigured("place must be authorization, header, cookie or query, and name text")
        return Carrier(kind, name)


def _peers(said: Any) -> Peers:
    with at("peers"):
        if not are_texts(said):
            raise Misconfigured("they must be a list of networks", hint='such as ["10.0.0.0/8"]')
        return Peers(tuple(map(network, said)))


def _origin(said: Any) -> tuple[str, ...]:
    texts = [said] if isinstance(said, str) else said
    if not are_texts(texts):
        raise Misconfigured("origin must be a URL, or a list of them", hint="such as https://api.example.com")
    return tuple(texts)


def _secret(document: Mapping[str, Any], folder: Path) -> Any:
    path = text_of(document, "store_secret_file")
    return None if path is None else read_secret(str(folder / path))


def _workers(said: Any) -> int:
    workers = (os.cpu_count() or 1) if said is None else said
    if not isinstance(workers, int) or isinstance(workers, bool) or not 1 <= workers <= MAX_WORKERS:
        raise Misconfigured(f"workers must be a number from 1 to {MAX_WORKERS}")
    return workers


def _address(document: Mapping[str, Any], name: str, default: str) -> Address:
    with at(name):
        return Address.of(document.get(name, default))


def _transport(table: Any, folder: Path) -> Transport | None:
    if table is None:
        return None
    from rightkey.transport.default import DefaultTransport

    settings = dict(table) if isinstance(table, Mapping) else table
    if isinstance(table, Mapping) and isinstance(table.get("ca_file"), str):
        settings["ca_file"] = str(folder / table["ca_file"])
    made: Transport = _made("transport", DefaultTransport, settings)
    return made


def _made(name: str, kind: Callable[..., Any], table: Any) -> Any:
    with at(name):
        require_known(table_of(table), [field.name for field in fields(kind) if field.name != "credentials"])  # type: ignore[arg-type]
        return kind(**table)


def host_of(trust: Trust) -> str:
    """What an issuer is called that was given no name."""
    name = str(trust.issuer)
    return urlsplit(name).netloc or name


def _why(error: Exception) -> str:
    strerror: str | None = getattr(error, "strerror", None)
    return strerror.lower() if strerror else "it is not UTF-8"


TOP = (
    *("proxy", "listen", "plain", "workers", "peers", "realm", "resource_metadata", "remember", "origin"),
    *("store", "store_secret_file"),
    *("issuer", "route", "identity", "carrier", "freshness", "transport", "dpop", "denylist"),
)
"""What stands at the top of the file."""
