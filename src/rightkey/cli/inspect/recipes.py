"""The Python and the command line that accept a token, for its reader to copy.

What a token says is quoted, so that it can be nothing but text in either language.
"""

from __future__ import annotations

import shlex

from rightkey.cli.connection import Connection


def of(issuer: str, audience: str, profile: str, connection: Connection) -> dict[str, str | None]:
    """The program and the line. The line is None where a shell cannot be given a value safely.

    Args:
        issuer: whose tokens.
        audience: for whom; empty for any.
        profile: the kind of token.
        connection: how the issuer is reached.
    """
    return {
        "python": _python(issuer, audience, profile, connection),
        "shell": _shell(issuer, audience, profile, connection),
    }


def _python(issuer: str, audience: str, profile: str, connection: Connection) -> str:
    imports = ["import rightkey"]
    settings = [ascii(issuer), f"audience={ascii(audience) if audience else 'rightkey.ANY'}"]
    if profile != "access":
        settings.append(f"profile={profile!r}")
    transport = _transport(connection)
    if transport:
        imports.append("from rightkey.transport import DefaultTransport")
        settings.append(f"transport=DefaultTransport({transport})")
    return "\n".join(
        [
            *imports,
            "",
            f"verifier = rightkey.Verifier({', '.join(settings)})",
            "token = verifier.verify(raw)",
            "",
        ]
    )


def _transport(connection: Connection) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in connection.settings.items())


def _shell(issuer: str, audience: str, profile: str, connection: Connection) -> str | None:
    options = ["--issuer", issuer, *(["--audience", audience] if audience else ["--any-audience"])]
    if profile != "access":
        options += ["--profile", profile]
    if connection.ca_file:
        options += ["--ca-file", connection.ca_file]
    for host in connection.plain_http:
        options += ["--plain-http", host]
    options += ["--truststore"] if connection.truststore else []
    options += [] if connection.strict_x509 else ["--no-strict-x509"]
    line = shlex.join(["rightkey", "verify", *options, "--explain"])
    # a terminal acts on control characters while they are pasted, quoted or not
    return f"{line} < token" if line.isprintable() else None
