"""`rightkey verify`: whether a token is valid, and if not, why not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from rightkey.cli import layout, output, steps
from rightkey.cli import token as tokens
from rightkey.cli.connection import connection_options, metadata_option, provider_option
from rightkey.cli.decode import value
from rightkey.cli.errors import exit_code, tell
from rightkey.cli.progress import busy
from rightkey.cli.result import Accepted
from rightkey.cli.sections import Sectioned
from rightkey.cli.times import Time, distance, written
from rightkey.cli.verify_options import VerifyOptions
from rightkey.jose.key import shown
from rightkey.policy.profiles import PROFILES

SECTIONS = {
    "Where keys come from": ("issuer", "jwks", "history", "metadata_url", "provider"),
    "How the issuer is reached": ("ca_file", "truststore", "strict_x509", "plain_http", "timeout"),
    "What is checked": (
        *("audience", "any_audience", "profile", "sender", "require", "implies"),
        *("alg", "leeway", "at", "no_exp"),
    ),
    "The key's certificate": ("certificates", "roots", "pin"),
    "Only the signature": ("no_claims",),
}


@click.command(cls=Sectioned, sections=SECTIONS)
@click.argument("token", required=False)
@click.option("--issuer", metavar="ISSUER", help="The issuer: a domain or URL, as `iss` spells it.")
@click.option("--audience", multiple=True, metavar="NAME", help="This API, as `aud` names it.  [repeatable]")
@click.option("--any-audience", is_flag=True, help="Accept a token for any audience.")
@click.option(
    "--jwks", metavar="FILE|URL", help="The keys: JWKS, JWK, PEM or a directory; --issuer is then optional."
)
@click.option(
    "--history", metavar="FILE", help="The keys published at --at by this history; see `rightkey watch`."
)
@metadata_option
@provider_option
@click.option("--alg", multiple=True, metavar="ALG", help="Allow this algorithm only.  [repeatable]")
@click.option("--leeway", type=float, default=0.0, metavar="SECONDS", help="How far clocks may differ.")
@click.option("--at", type=Time(), metavar="TIME", help="Judge claims as of TIME: Unix, or ISO 8601 in UTC.")
@click.option("--no-exp", is_flag=True, help="Accept a token without `exp`.")
@click.option("--no-claims", is_flag=True, help="Check the signature only.")
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
    "--implies", metavar="JSON", help='Scopes that grant others, as JSON: {"files:admin": ["files:read"]}.'
)
@click.option(
    "--sender",
    type=click.Choice(["checked", "bearer"]),
    default="checked",
    show_default=True,
    help="A token that is bound to its sender is refused, since it has no proof here, or judged without one.",
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

    Without TOKEN, or with -, reads stdin, which `ps` does not show. White space, quotes, a leading
    "Authorization:" and "Bearer " are left out.
    """
    options = VerifyOptions(**given)
    options.require_sense()
    raw = tokens.read(token)
    with busy("verifying"):
        result = options.answer(raw)
    if result.error is not None and result.error.code == "token_malformed":
        result.error.hint = tokens.hint(raw, token) or result.error.hint
    if as_json:
        output.data(result.document())
        return 0 if result.error is None else exit_code(result.error)
    if explain:
        steps.show(result.steps)
    if result.accepted is None:
        assert result.error is not None  # noqa: S101 - there is one of the two
        return tell(result.error, options.now)
    if explain:
        layout.line()
    _show(result.accepted, options)
    return 0


def _show(accepted: Accepted, options: VerifyOptions) -> None:
    layout.line("valid" if accepted.verified else "valid signature", "green bold")
    layout.pairs(_facts(accepted, options.now), indent=2)
    for note in _notes(options):
        output.words("note", note)


def _facts(accepted: Accepted, now: float) -> Iterator[tuple[str, str]]:
    """What matters first about a token that is valid."""
    verified = accepted.verified
    if verified is not None:
        claims = verified.claims
        yield "subject", verified.subject or "none"
        yield "issuer", verified.issuer or "none"
        yield "audience", value("aud", claims["aud"], now) if "aud" in claims else "none"
        yield "scopes", " ".join(sorted(verified.scopes)) or "none"
        exp = claims.get("exp")
        yield "expires", "never" if exp is None else f"{written(exp)}, {distance(exp, now)}"
    key = accepted.key
    name = f"thumbprint {key.thumbprint}" if key.kid is None else f"kid {shown(key.kid)}"
    yield "key", f"{accepted.header['alg']}, {name}"


def _notes(options: VerifyOptions) -> Iterator[str]:
    """What the options left unchecked."""
    if options.no_claims:
        yield "issuer, audience and times were not checked: --no-claims"
    elif options.any_audience:
        yield "the audience was not checked: --any-audience"
    if options.sender == "bearer":
        yield "whether its sender may use it was not checked: --sender bearer"
    if options.issuer is None and not options.no_claims:
        yield "the issuer was not checked beyond its key: no --issuer"
