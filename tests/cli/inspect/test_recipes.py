"""What a reader may copy: text from a token stays text in Python and in a shell."""

from __future__ import annotations

import ast
import shlex

import pytest

from rightkey.cli.connection import Connection
from rightkey.cli.inspect import recipes
from rightkey.cli.verify import verify

PLAIN = Connection(None, None)
HOSTILE = [
    "'; rm -rf / #",
    '"); import os; os.system("x"); ("',
    "$(id)`id`",
    "-x",
    "--json",
    "a b",
    "\\",
    "zoë",
    "\U0001f511",
]


def call_of(program: str) -> ast.Call:
    """The call that builds the verifier."""
    body = ast.parse(program).body
    assigned = next(node for node in body if isinstance(node, ast.Assign))
    assert isinstance(assigned.value, ast.Call)
    return assigned.value


def options_of(line: str) -> list[str]:
    words = shlex.split(line)
    assert words[:2] == ["rightkey", "verify"]
    assert words[-3:] == ["--explain", "<", "token"]
    return words[2:-3]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_value_is_quoted(text: str) -> None:
    """In both."""
    made = recipes.of(text, text, "access", PLAIN)
    assert made["python"] is not None
    assert made["shell"] is not None
    call = call_of(made["python"])
    assert [ast.literal_eval(call.args[0]), ast.literal_eval(call.keywords[0].value)] == [text, text]
    given = verify.make_context("verify", [*options_of(made["shell"]), "--explain"]).params
    assert (given["issuer"], given["audience"]) == (text, (text,))


@pytest.mark.parametrize("text", ["a\nb", "a\x1b[2J", "a\u202eb", "a\x00", "a\ud800"])
def test_what_drives_a_terminal_is_in_no_line(text: str) -> None:
    """A program has it as an escape."""
    made = recipes.of("a.example", text, "access", PLAIN)
    assert made["shell"] is None
    assert made["python"] is not None
    assert made["python"].isascii()
    assert ast.literal_eval(call_of(made["python"]).keywords[0].value) == text


def test_what_a_handshake_believes_is_said() -> None:
    """The operating system's authorities, and certificates that are less than strict."""
    made = recipes.of("a.example", "", "access", Connection(truststore=True, strict_x509=False))
    assert made["shell"] is not None
    assert "--truststore --no-strict-x509 --explain" in made["shell"]
    assert made["python"] is not None
    assert "transport=DefaultTransport(truststore=True, strict_x509=False)" in made["python"]


def test_what_is_not_the_default_is_said() -> None:
    """Kind, any audience, and how the issuer is reached."""
    made = recipes.of("a.example", "", "id", Connection("ca.pem", None, ("keycloak",)))
    assert made["shell"] == (
        "rightkey verify --issuer a.example --any-audience --profile id --ca-file ca.pem "
        "--plain-http keycloak --explain < token"
    )
    assert made["python"] == (
        "import rightkey\n"
        "from rightkey.transport import DefaultTransport\n\n"
        "verifier = rightkey.Verifier('a.example', audience=rightkey.ANY, profile='id', "
        "transport=DefaultTransport(ca_file='ca.pem', plain_http=('keycloak',)))\n"
        "token = verifier.verify(raw)\n"
    )
