"""What the page asks, and the answers: the JSON documents of `decode`, `verify` and `locate`.

An issuer is asked only if the page names its host as confirmed: a token's `iss` alone leads to no request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlsplit

from rightkey.cli import decode, locate
from rightkey.cli.connection import Connection
from rightkey.cli.errors import BadUse
from rightkey.cli.inspect import recipes
from rightkey.cli.token import cleaned
from rightkey.cli.verify_options import VerifyOptions
from rightkey.errors import IssuerFault
from rightkey.issuer.name import AUTO, Issuer
from rightkey.policy.profiles import PROFILES
from rightkey.verifier.locate import locate as find


@dataclass(frozen=True, slots=True)
class Question:
    """The fields of the page, as they were filled in. `host` is the one that was confirmed."""

    token: str = ""
    issuer: str = ""
    audience: str = ""
    profile: str = "access"
    host: str = ""

    @classmethod
    def of(cls, given: Any) -> Question:
        """Read one from JSON. Raises BadUse."""
        names = [one.name for one in fields(cls)]
        if not isinstance(given, dict) or not set(given) <= set(names):
            raise BadUse(f"a question must be a JSON object with {', '.join(names)}")
        if not all(isinstance(value, str) for value in given.values()):
            raise BadUse("each field of a question must be a string")
        question = cls(**{name: value.strip() for name, value in given.items()})
        if question.profile not in PROFILES:
            raise BadUse(f"profile must be one of {', '.join(PROFILES)}")
        return question


class Questions:
    """Answers the page's questions.

    Args:
        connection: how issuers are reached.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.answers = {
            "decode": self.decode,
            "plan": self.plan,
            "verify": self.verify,
            "locate": self.locate,
        }

    def decode(self, asked: Question) -> Mapping[str, Any]:
        """What the token says, unverified."""
        return decode.document(cleaned(asked.token))

    def plan(self, asked: Question) -> Mapping[str, Any]:
        """The host that would be asked, and how to verify the token elsewhere. Sends nothing.

        Raises:
            Misconfigured: not an issuer.
        """
        return {
            "host": self._host(asked),
            **recipes.of(asked.issuer, asked.audience, asked.profile, self._connection),
        }

    def verify(self, asked: Question) -> Mapping[str, Any]:
        """Whether the token is valid. Raises BadUse, where the host was not confirmed, and Misconfigured."""
        self._require_confirmed(asked)
        connection = self._connection
        options = VerifyOptions(
            issuer=asked.issuer,
            jwks=None,
            history=None,
            metadata_url=None,
            provider=AUTO,
            audience=(asked.audience,) if asked.audience else (),
            any_audience=not asked.audience,
            alg=(),
            leeway=0.0,
            at=None,
            no_claims=False,
            no_exp=False,
            profile=asked.profile,
            require=(),
            implies=None,
            sender="checked",
            certificates="match",
            roots=None,
            pin=(),
            connection=connection,
        )
        return options.answer(cleaned(asked.token)).document()

    def locate(self, asked: Question) -> Mapping[str, Any]:
        """The issuer's keys. Raises BadUse, where the host was not confirmed, and Misconfigured."""
        self._require_confirmed(asked)
        connection = self._connection
        try:
            found = find(asked.issuer, transport=connection.transport(), freshness=connection.freshness())
        except IssuerFault as error:
            return locate.failure(error)
        return locate.document(found)

    def _require_confirmed(self, asked: Question) -> None:
        host = self._host(asked)
        if asked.host != host:
            raise BadUse(f"{host} was not confirmed", f"press the button that names {host}")

    def _host(self, asked: Question) -> str:
        """The host that is asked first. If its metadata name another for the keys, that is asked too."""
        issuer = Issuer.parse(asked.issuer, plain_http=self._connection.plain_http)
        known = issuer.vendor.keys if issuer.vendor is not None else None
        return urlsplit(known or issuer.metadata_urls[0]).netloc
