"""`rightkey verify`: whether a token holds, and if not, why not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from rightkey.cli import output, page, steps
from rightkey.cli import token as tokens
from rightkey.cli.connection import connection_options, provider_option
from rightkey.cli.decode import value
from rightkey.cli.ending import exit_code, tell
from rightkey.cli.moments import Time, distance, written
from rightkey.cli.outcome import Good
from rightkey.cli.question import Question
from rightkey.jose.key import shown
from rightkey.policy.profiles import PROFILES


@click.command()
@click.argument("token", required=False)
@click.option("--issuer", metavar="ISSUER", help="Whose tokens: a domain or URL, as `iss` spells it.")
@click.option("--audience", multiple=True, metavar="NAME", help="This API, as `aud` names it.  [repeatable]")
@click.option("--any-audience", is_flag=True, help="Accept a token meant for anybody.")
@click.option(
    "--jwks", metavar="FILE|URL", help="The keys: JWKS, JWK, PEM or a directory; --issuer is then optional."
)
@provider_option
@click.option("--alg", multiple=True, metavar="ALG", help="Allow this algorithm only.  [repeatable]")
@click.option("--leeway", type=float, default=0.0, metavar="SECONDS", help="How far clocks may differ.")
@click.option("--at", type=Time(), metavar="TIME", help="Judge claims as of TIME: Unix, or ISO 8601 in UTC.")
@click.option("--no-exp", is_flag=True, help="Accept a token without `exp`.")
@click.option("--no-claims", is_flag=True, help="Check the signature and nothing else.")
@click.option(
    "--profile",
    type=click.Choice(list(PROFILES)),
    default="access",
    show_default=True,
    help="The kind of token.",
)
@click.option(
    "--require",
    multiple=True,
    metavar="WHAT",
    help="What it must grant: read:x, role(admin), any_of(a, claim(org, acme)).  [repeatable]",
)
@click.option(
    "--certificates",
    type=click.Choice(["match", "valid", "ignore"]),
    default="match",
    show_default=True,
    help="A key's certificate must be for that key, be within its dates too, or is not looked at.",
)
@click.option("--roots", metavar="FILE", help="PEM file: the certificate's chain must end in one of these.")
@click.option("--pin", multiple=True, metavar="SHA256", help="The certificate must be this.  [repeatable]")
@connection_options
@click.option("--explain", is_flag=True, help="Show the path, step by step.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def verify(token: str | None, explain: bool, as_json: bool, **given: Any) -> int:
    """Verify TOKEN: its kind, its claims, its key and its signature.

    Without TOKEN, or with -, reads stdin, which `ps` does not show. White space around it and a leading
    "Bearer " are left out.
    """
    question = Question(**given)
    question.require_sense()
    outcome = question.answer(tokens.read(token))
    if as_json:
        output.data(outcome.document())
        return 0 if outcome.error is None else exit_code(outcome.error)
    if explain:
        steps.show(outcome.steps)
    if outcome.good is None:
        assert outcome.error is not None  # noqa: S101 - one of the two there is
        return tell(outcome.error, question.now)
    if explain:
        page.line()
    _show(outcome.good, question)
    return 0


def _show(good: Good, question: Question) -> None:
    page.line("valid" if good.verified else "valid signature", "green bold")
    page.pairs(_facts(good, question.now), indent=2)
    for note in _notes(question):
        output.words("note", note)


def _facts(good: Good, now: float) -> Iterator[tuple[str, str]]:
    """What somebody wants to know who was woken for it."""
    verified = good.verified
    if verified is not None:
        claims = verified.claims
        yield "subject", verified.subject or "none"
        yield "issuer", verified.issuer or "none"
        yield "audience", value("aud", claims["aud"], now) if "aud" in claims else "none"
        yield "scopes", " ".join(sorted(verified.scopes)) or "none"
        exp = claims.get("exp")
        yield "expires", "never" if exp is None else f"{written(exp)}, {distance(exp, now)}"
    key = good.key
    name = f"thumbprint {key.thumbprint}" if key.kid is None else f"kid {shown(key.kid)}"
    yield "key", f"{good.header['alg']}, {name}"


def _notes(question: Question) -> Iterator[str]:
    """What was not checked, since it was asked so."""
    if question.no_claims:
        yield "issuer, audience and times were not looked at: --no-claims"
    elif question.any_audience:
        yield "whom the token is meant for was not checked: --any-audience"
    if question.issuer is None and not question.no_claims:
        yield "whose token it is was not checked beyond its key: no --issuer"
