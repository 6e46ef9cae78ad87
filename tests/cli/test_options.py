"""What the options of the command line accept, refuse and mean."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Iterator
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from tests.cli.conftest import Done, ran

import rightkey
from rightkey.cli import connection, layout, output, run
from rightkey.cli.connection import Connection
from rightkey.cli.times import distance, lasting, written
from rightkey.localissuer import LocalIssuer, Sender, SigningKey
from rightkey.localissuer.keys.selfsigned import pem


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


def verify(issuer: LocalIssuer, *arguments: str, token: str | None = None) -> Done:
    stdin = issuer.token(sub="alice") if token is None else token
    return ran("verify", "--issuer", issuer.url, "--audience", issuer.audience, *arguments, stdin=stdin)


def public(key: SigningKey) -> str:
    jwk = key.public_jwk()
    x, y = (base64.urlsafe_b64decode(jwk[name] + "==") for name in ("x", "y"))
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + x + y)
    return point.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


# -- keys ----------------------------------------------------------------------------------------------------


def test_keys_at_a_url(issuer: LocalIssuer) -> None:
    """The metadata is not asked for, and no issuer need be named."""
    url = issuer.url + ".well-known/jwks.json"
    done = ran("verify", issuer.token(), "--jwks", url, "--audience", issuer.audience)
    assert done.code == 0
    bare = ran("verify", issuer.token(), "--jwks", url, "--no-claims", "--json")
    assert (bare.code, bare.document["claims"]) == (0, None)
    assert bare.document["header"]["kid"] == issuer.current.kid
    assert issuer.requests["discovery"] == 0


def test_the_signature_alone_with_a_file(issuer: LocalIssuer, tmp_path: Path) -> None:
    """The steps say that keys were handed over, and that claims were not looked at."""
    path = tmp_path / "keys.pem"
    path.write_text(public(issuer.next) + public(issuer.current))
    done = ran("verify", issuer.attack("expired"), "--jwks", str(path), "--no-claims", "--json")
    steps = {step["step"]: step["outcome"] for step in done.document["steps"]}
    assert (done.code, done.document["valid"]) == (0, True)
    assert (steps["claims"], steps["metadata"], steps["signature"]) == ("skipped", "note", "ok")


@pytest.mark.parametrize("how", ["--any-audience", "--no-claims"])
def test_keys_from_a_pipe(issuer: LocalIssuer, how: str) -> None:
    """A shell's `<(...)` is one, and can be read once."""
    for text, code in ((public(issuer.current), 0), ("{}", 2)):
        reading, writing = os.pipe()
        os.write(writing, text.encode())
        os.close(writing)
        done = ran("verify", issuer.token(), "--jwks", f"/dev/fd/{reading}", how)
        os.close(reading)
        assert done.code == code, done.err
    assert "no array of keys" in done.err


@pytest.mark.parametrize(
    ("attack", "step", "code"),
    [
        ("nested-jwe", "token", "token_malformed"),
        ("alg-none", "algorithm", "algorithm_not_allowed"),
        ("kid-crlf", "key", "key_not_found"),
        ("wrong-key", "signature", "signature_invalid"),
    ],
)
def test_where_the_signature_alone_can_fail(issuer: LocalIssuer, attack: str, step: str, code: str) -> None:
    """Each error ends at its own step; those before are told, those after were not reached."""
    done = ran("verify", issuer.attack(attack), "--issuer", issuer.url, "--no-claims", "--json")
    failed = [one["step"] for one in done.document["steps"] if one["outcome"] == "failed"]
    assert (done.code, failed, done.document["error"]["code"]) == (1, [step], code)
    assert [one["step"] for one in done.document["steps"]][:2] == ["token", "algorithm"]


@pytest.mark.parametrize(
    ("endpoint", "fault", "step"),
    [("discovery", "status", "metadata"), ("jwks", "broken-json", "keys"), ("jwks", "empty-set", "keys")],
)
def test_the_signature_alone_and_an_issuer_at_fault(
    issuer: LocalIssuer, endpoint: str, fault: str, step: str
) -> None:
    """It cannot be told, also without claims."""
    issuer.misbehave(endpoint, fault)
    done = ran("verify", issuer.token(), "--issuer", issuer.url, "--no-claims", "--json")
    failed = [one["step"] for one in done.document["steps"] if one["outcome"] == "failed"]
    assert (done.code, done.document["valid"], failed) == (3, None, [step])


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_certificate_of_any_type(algorithm: str, tmp_path: Path) -> None:
    """The type of key is the certificate's; it need not be said."""
    with LocalIssuer(algorithm=algorithm) as issuer:
        path = tmp_path / "certificate.pem"
        path.write_bytes(pem(issuer.current.certificate or b""))
        done = ran("verify", issuer.token(), "--jwks", str(path), "--any-audience", "--json")
    assert (done.code, done.document["key"]["kid"]) == (0, None)
    assert done.document["key"]["certificate"]["subject"] == "CN=127.0.0.1"


def test_every_form_of_a_file(issuer: LocalIssuer, tmp_path: Path) -> None:
    """A directory of PEM by key id, a map of key ids to PEM, and a private key, whose public half counts."""
    kid = issuer.current.kid
    (tmp_path / "by-kid").mkdir()
    (tmp_path / "by-kid" / f"{kid}.pem").write_text(public(issuer.current))
    (tmp_path / "map.json").write_text(json.dumps({kid: public(issuer.current), "bad": "no PEM"}))
    private = issuer.current.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "private.pem").write_bytes(private)
    for name, named in (("by-kid", kid), ("map.json", kid), ("private.pem", None)):
        path = str(tmp_path / name)
        done = ran("verify", issuer.token(), "--jwks", path, "--any-audience", "--json")
        assert (done.code, done.document["key"]["kid"]) == (0, named)
        metadata = next(step for step in done.document["steps"] if step["step"] == "metadata")
        assert metadata["detail"] == f"not asked for: keys in {path}"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}', "symmetric keys are not supported"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "its DER cannot be read as a key"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no readable certificate"),
        (b"-----BEGIN PUBLIC KEY-----\n", "cut off"),
        (b"-----BEGIN PUBLIC KEY-----\xff", "not base64"),
        (b" " * (512 * 1024 + 1), "over 524288 bytes"),
    ],
)
def test_a_file_without_keys(content: bytes, told: str, tmp_path: Path) -> None:
    """It is a mistake here (2), by whatever key the token was signed."""
    path = tmp_path / "keys"
    path.write_bytes(content)
    done = ran("verify", "x.y.z", "--jwks", str(path), "--any-audience")
    assert (done.code, done.out) == (2, "")
    assert told in done.err


def test_a_name_no_file_can_have(tmp_path: Path) -> None:
    """A directory without files, or a NUL in the name."""
    for name, told in ((str(tmp_path), "no file in the directory"), ("a\0b", "not a file's name")):
        done = ran("verify", "x.y.z", "--jwks", name, "--any-audience")
        assert done.code == 2
        assert told in done.err


# -- claims --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "at", ["1893457800", "1893457800.5", "2030-01-01T00:30:00Z", "2030-01-01T01:30+01:00"]
)
def test_times(issuer: LocalIssuer, at: str) -> None:
    """Unix or ISO 8601, with an offset or in UTC."""
    token = issuer.token(nbf=1893456000, exp=1893459600)
    assert verify(issuer, "--at", at, token=token).code == 0
    assert verify(issuer, "--at", "2030-01-01", token=token).code == 0
    assert verify(issuer, token=token).code == 1


@pytest.mark.parametrize("at", ["nan", "1e9", "1893457800000000", "", "2030-13-01"])
def test_times_that_are_none(issuer: LocalIssuer, at: str) -> None:
    """Milliseconds are refused as well: no calendar has them."""
    done = verify(issuer, "--at", at)
    assert done.code == 2
    assert "is not a Unix time in seconds" in done.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--leeway", "3600"), "leeway must be a number of seconds, from 0 to 300"),
        (("--alg", "HS256"), "symmetric algorithms (HS256 ...) are not supported"),
        (("--alg", "XX"), "algorithm 'XX' is not known here"),
        (("--require", "any_of("), "cannot be read"),
        (("--profile", "none"), "'none' is not one of 'access'"),
        (("--any-audience",), "exclude each other"),
        (("--certificates", "ignore", "--pin", "AA"), "excludes --roots and --pin"),
        (("--pin", "AA"), "a pin is not a SHA-256 thumbprint"),
        (("--roots", "/nowhere"), "/nowhere: no such file"),
        (("--ca-file", "/nowhere"), "/nowhere: no such file"),
        (("--ca-file", __file__), "no PEM certificate in it"),
        (("--roots", __file__), "roots hold no PEM certificate"),
        (("--timeout", "0"), "'--timeout'"),
        (("--jwks", "http://elsewhere.example/keys"), "http"),
    ],
)
def test_settings_that_are_mistakes(issuer: LocalIssuer, arguments: tuple[str, ...], told: str) -> None:
    """Exit code 2, in words, or as one JSON document with --json."""
    done = verify(issuer, *arguments)
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    done = verify(issuer, *arguments, "--json")
    assert (done.code, done.err) == (2, "")
    error = done.document["error"]
    assert error["code"] == "misconfigured"
    assert told in f"{error['message']} {error['hint']}"


def test_an_empty_audience_is_a_mistake(issuer: LocalIssuer) -> None:
    """`--audience "$UNSET"` does not turn the check off."""
    assert ran("verify", issuer.token(), "--issuer", issuer.url, "--audience", "").code == 2


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--alg", "ES256"), 0),
        (("--alg", "RS256"), 1),
        (("--alg", "RS256", "--alg", "ES256"), 0),
        (("--audience", "another"), 0),
        (("--profile", "at+jwt"), 1),
        (("--profile", "any"), 0),
        (("--certificates", "valid"), 0),
        (("--certificates", "ignore"), 0),
        (("--pin", "A" * 43), 1),
        (("--leeway", "10"), 0),
        (("--timeout", "5"), 0),
    ],
)
def test_settings_that_decide(issuer: LocalIssuer, arguments: tuple[str, ...], code: int) -> None:
    """Each reaches the verifier."""
    assert verify(issuer, *arguments, "--json").code == code


def test_a_hint_speaks_of_options_not_of_arguments(issuer: LocalIssuer) -> None:
    """The library says algorithms=[...]; here it is --alg."""
    done = verify(issuer, "--alg", "RS256")
    assert done.err.splitlines()[1] == "hint: allow it with --alg ES256 if the issuer signs with it"


def test_pins_and_roots(issuer: LocalIssuer, tmp_path: Path) -> None:
    """The certificate's own thumbprint passes; a root that it does not lead to does not."""
    pin = ran("locate", issuer.url, "--json").document["keys"][0]["certificate"]["x5t#S256"]
    assert verify(issuer, "--pin", pin, "--certificates", "valid").code == 0
    roots = tmp_path / "roots.pem"
    roots.write_bytes(pem(issuer.next.certificate or b""))
    done = verify(issuer, "--roots", str(roots), "--json")
    assert (done.code, done.document["error"]["code"]) == (1, "certificate_rejected")


def test_a_good_ca_file_is_no_mistake(issuer: LocalIssuer, tmp_path: Path) -> None:
    """For an issuer on loopback it goes unused."""
    path = tmp_path / "ca.pem"
    path.write_bytes(pem(issuer.current.certificate or b""))
    assert ran("locate", issuer.url, "--ca-file", str(path)).code == 0


def test_a_nonsense_issuer_with_the_signature_alone() -> None:
    """A setting that is wrong is one in either way."""
    assert ran("verify", "e30.e30.", "--issuer", "not an issuer", "--no-claims").code in (1, 2)
    with LocalIssuer(algorithm="ES256") as issuer:
        done = ran("verify", issuer.token(), "--issuer", "not an issuer", "--no-claims")
    assert done.code == 2


# -- what is said --------------------------------------------------------------------------------------------


def test_keys_without_names(tmp_path: Path) -> None:
    """What a key lacks has a word in the table, and null in JSON."""
    with LocalIssuer(algorithm="ES256", certificates=False, alg=False) as issuer:
        table, document = ran("locate", issuer.url), ran("locate", issuer.url, "--json").document
    assert "EC   any  sig" in table.out
    assert (document["keys"][0]["alg"], document["keys"][0]["certificate"]) == (None, None)


def test_metadata_elsewhere() -> None:
    """Where the first address has no metadata, the table shows the one that had."""
    with LocalIssuer(algorithm="ES256", path="/tenant", rfc8414=True) as issuer:
        done = ran("locate", issuer.url, "--json")
    assert done.code == 0
    assert "oauth-authorization-server" in done.document["metadata_url"]


@pytest.mark.parametrize(
    ("attack", "told"),
    [
        ("crit", "verify would refuse it: the token cannot be read: the header makes an extension critical"),
        ("alg-missing", "its header has no alg"),
        ("hs-empty", "is not one of those allowed"),
        ("tampered-payload", None),
    ],
)
def test_decode_reads_what_verify_refuses(issuer: LocalIssuer, attack: str, told: str | None) -> None:
    """And says so, where no key at all could make it good."""
    done = ran("decode", issuer.attack(attack))
    assert done.code == 0
    assert "claims" in done.out
    assert (told or "unverified: none of this was checked") in done.err


@pytest.mark.parametrize("token", ["e30.Zm9v.", "e30..", "a.b", "ä.b.c", "e30.W10.", "x" * 70_000])
def test_decode_refuses_what_is_no_jwt(token: str) -> None:
    """Exit code 1, without a traceback and without the token."""
    done = ran("decode", token)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: the token cannot be read: ")
    assert token not in done.err


def test_decode_tells_odd_values() -> None:
    """Times beyond all calendars, times that are none, and nested claims."""
    claims = {"exp": 10**300, "iat": "soon", "nbf": True, "org": {"id": ["ü"]}}
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    done = ran("decode", f"e30.{payload}.")
    assert done.code == 0
    assert 'org  {"id": ["ü"]}' in done.out
    assert "iat  soon" in done.out
    assert "nbf  true" in done.out


def test_a_bearer_token_as_argument(issuer: LocalIssuer) -> None:
    """The word before it is left out there too."""
    assert ran("decode", f" bearer {issuer.token()}\n").code == 0


def test_lengths_of_time() -> None:
    """The two largest units, or the largest."""
    assert [lasting(s) for s in (0.4, 59, 600, 4200, 90000)] == [
        "0 s",
        "59 s",
        "10 min",
        "1 h 10 min",
        "1 d 1 h",
    ]
    assert (distance(100, 40), distance(40, 100)) == ("in 1 min", "1 min ago")
    assert distance(1_800_000_000_000, 1_800_000_000) == "in milliseconds? a time is in seconds"
    assert distance(1e300, 0).endswith(" d")
    assert written(1e300) == "1e+300"


class Terminal(TextIOWrapper):
    """A terminal of some encoding."""

    def isatty(self) -> bool:
        return True


def terminal(monkeypatch: pytest.MonkeyPatch, encoding: str = "utf-8") -> tuple[BytesIO, BytesIO]:
    out, err = BytesIO(), BytesIO()
    monkeypatch.setattr(sys, "stdout", Terminal(out, encoding=encoding))
    monkeypatch.setattr(sys, "stderr", Terminal(err, encoding="utf-8"))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return out, err


def test_colour_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Marks, labels and heads are coloured, and a cell has several lines."""
    out, err = terminal(monkeypatch)
    layout.table(("a", "b"), [("x", layout.several(["one", "two"]))])
    layout.line("good", "green")
    output.words("hint", "try")
    output.finished(0)
    assert "one\n" in out.getvalue().decode()
    assert b"\x1b[32mgood" in out.getvalue()
    assert err.getvalue() == b"\x1b[36mhint:\x1b[0m try\n"


def test_marks_of_a_poor_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Letters where there is no mark."""
    terminal(monkeypatch, "ascii")
    assert [layout.mark(one).plain for one in layout.MARKS] == ["ok", "x", "-", "."]


def test_stdin_on_a_terminal_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who waits for output learns that input is waited for."""
    _, err = terminal(monkeypatch)
    monkeypatch.setattr(sys, "stdin", Terminal(BytesIO(b"nonsense\n")))
    assert run(["decode"]) == 1
    assert b"reading the token from stdin" in err.getvalue()


# -- what is pasted along with a token, or instead of one ----------------------------------------------------


@pytest.mark.parametrize(
    "form",
    [
        "Bearer {}",
        "Authorization: Bearer {}",
        "authorization:bearer {}",
        '"{}"',
        "'Bearer {}'",
        "\u201c{}\u201d",
        "b'{}'",
        "\ufeff{}",
        "\u200b{}\u200b",
        "\r\n  {}\r\n",
    ],
)
def test_what_is_pasted_along_with_a_token(issuer: LocalIssuer, form: str) -> None:
    """As an argument and on stdin it is left out."""
    pasted = form.format(issuer.token(sub="alice"))
    assert verify(issuer, token=pasted).code == 0
    assert verify(issuer, pasted).code == 0
    assert ran("decode", pasted).code == 0


def test_folded_lines_are_joined(issuer: LocalIssuer) -> None:
    """Mail and terminals fold long lines, sometimes with white space at both ends."""
    token = issuer.token(sub="alice")
    folded = "\n  ".join(token[at : at + 60] for at in range(0, len(token), 60))
    assert verify(issuer, token=folded).code == 0


@pytest.mark.parametrize(
    ("pasted", "hint"),
    [
        ('{{"access_token": "{}"}}', "it is JSON: give the value of its access_token alone"),
        ("https://app.example/cb#access_token={}", "it is a URL or a form: give what follows _token= alone"),
        (
            "https://app.example/cb?id_token={}&state=x",
            "it is a URL or a form: give what follows _token= alone",
        ),
        ("https://app.example/", "it is a URL, not a token"),
        ("-----BEGIN PUBLIC KEY-----", "keys are given with --jwks"),
    ],
)
def test_what_is_pasted_instead_of_a_token(issuer: LocalIssuer, pasted: str, hint: str) -> None:
    """It is named, with what to do; the exit code is that of a malformed token."""
    text = pasted.format(issuer.token())
    for done in (verify(issuer, token=text), ran("decode", stdin=text)):
        assert (done.code, f"hint: {hint}" in done.err) == (1, True)
        assert issuer.token()[:40] not in done.err


def test_the_name_of_a_file_is_not_a_token(issuer: LocalIssuer, tmp_path: Path) -> None:
    """The hint says how to read it."""
    (path := tmp_path / "token.txt").write_text(issuer.token())
    done = verify(issuer, str(path))
    assert (done.code, f"hint: {path} is a file: rightkey ... < {path}" in done.err) == (1, True)


# -- what is misspelt ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("verfy",), "did you mean verify?"),
        (("locat",), "did you mean locate?"),
        (("help", "decod"), "did you mean decode?"),
        (("issuer", "rotat"), "did you mean rotate?"),
        (("verify", "--audiance", "x"), "did you mean --audience?"),
        (("locate", "--timout", "3"), "did you mean --timeout?"),
        (("verify", "--frob"), "rightkey verify --help"),
        (("qqq",), "rightkey --help"),
    ],
)
def test_a_misspelt_name_gets_a_suggestion(arguments: tuple[str, ...], hint: str) -> None:
    """Commands, their commands, and options; what is like nothing gets the way to the help."""
    done = ran(*arguments)
    assert (done.code, done.err.splitlines()[1]) == (2, f"hint: {hint}")
    error = ran(*arguments, "--json").document["error"]
    assert (error["code"], error["hint"]) == ("misconfigured", hint)


def test_what_follows_two_dashes_is_not_ours(issuer: LocalIssuer) -> None:
    """`drill TARGET -- app --json` does not ask us for JSON."""
    done = ran("drill", "--only", "nope", "http://127.0.0.1:9", "--", "app", "--json")
    assert (done.code, done.out) == (2, "")
    assert done.err


# -- help ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [("--help",), ("help",), ("verify", "--help"), ("help", "verify")])
def test_help_fits_80_columns_and_has_sections(arguments: tuple[str, ...]) -> None:
    """`rightkey help COMMAND` says what `rightkey COMMAND --help` does; no example is broken."""
    done = ran(*arguments)
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= 80
    expected = "Where keys come from:" if "verify" in arguments else "Keys and tokens:"
    assert expected in done.out
    assert "--audience my-api < token" in done.out or "verify" in arguments


def test_every_option_of_verify_has_a_section() -> None:
    """A name that no option has any more would hide one."""
    from rightkey.cli.verify import SECTIONS
    from rightkey.cli.verify import verify as command

    assert {name for names in SECTIONS.values() for name in names} <= {one.name for one in command.params}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script(shell: str) -> None:
    """It is printed, and names the variable by which the shell asks."""
    done = ran("completion", shell)
    assert (done.code, "_RIGHTKEY_COMPLETE" in done.out) == (0, True)
    assert ran("completion", shell, "--json").document["shell"] == shell


# -- colour and width ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "0"}, False),
        ({"FORCE_COLOR": ""}, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({}, False),
    ],
)
def test_colour_off_a_terminal(
    environment: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FORCE_COLOR asks for it, NO_COLOR counts first."""
    for name in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, text in environment.items():
        monkeypatch.setenv(name, text)
    assert output.styled(sys.stdout) is coloured


def test_a_tls_failure_has_its_own_hint(issuer: LocalIssuer) -> None:
    """An authority that is not trusted does not become trusted by trying again later."""
    with LocalIssuer(algorithm="ES256", tls=True) as secure:
        for done in (
            ran("locate", secure.url),
            ran("verify", secure.token(), "--issuer", secure.url, "--any-audience"),
        ):
            assert done.code == 3
            assert "hint: --ca-file FILE names the authorities to trust for TLS" in done.err


def test_what_this_machine_trusts_is_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, issuer: LocalIssuer, tmp_path: Path
) -> None:
    """As services have it: for each command that asks an issuer, unless its option is given."""
    with LocalIssuer(algorithm="ES256", tls=True) as secure:
        assert secure.ca_file is not None
        commands = (
            ("locate", secure.url),
            ("doctor", secure.url),
            ("watch", secure.url, "--count", "1"),
            ("verify", secure.token(), "--issuer", secure.url, "--any-audience"),
        )
        assert {ran(*command).code for command in commands} == {3}
        monkeypatch.setenv("RIGHTKEY_CA_FILE", str(secure.ca_file))
        assert {ran(*command).code for command in commands} == {0}
        empty = tmp_path / "empty.pem"
        empty.write_text("")
        assert ran("locate", secure.url, "--ca-file", str(empty)).code == 2
        monkeypatch.setenv("RIGHTKEY_TRUSTSTORE", "true")
        assert "ca_file and truststore cannot both be given" in ran("locate", secure.url).err
        assert ran("locate", secure.url, "--no-truststore").code == 0
        monkeypatch.setenv("RIGHTKEY_CA_FILE", "")
        assert ran("locate", secure.url).code == 3
    url = "http://keycloak.invalid:8080"
    assert ran("locate", url).code == 2
    monkeypatch.setenv("RIGHTKEY_PLAIN_HTTP", "other keycloak.invalid")
    assert ran("locate", url).code == 3


def test_the_package_of_truststore_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not installed, that is not the issuer's fault."""
    monkeypatch.setattr(connection, "find_spec", lambda name: None)
    done = ran("locate", "https://a.example", "--truststore")
    assert (done.code, "pip install 'rightkey[truststore]'" in done.err) == (2, True)


def test_certificates_may_be_less_than_strict() -> None:
    """As the transport has it."""
    assert Connection(strict_x509=False).transport() == rightkey.DefaultTransport(strict_x509=False)
    assert Connection().transport() == rightkey.DefaultTransport()
    assert Connection(truststore=True).tls.truststore


def test_a_request_ends_before_the_wait_for_it() -> None:
    """So that its error is told; a command waits as long as was asked."""
    bounds = Connection(timeout=2).freshness()
    assert (bounds.wait, bounds.timeout, bounds.connect_timeout) == (2, 1.8, 1.8)
    assert Connection().freshness() == rightkey.Freshness()


def test_a_set_of_skipped_keys_is_shown_with_exit_3(issuer: LocalIssuer) -> None:
    """Each with its kid, reason and detail, in words and in JSON."""
    issuer.misbehave("jwks", "use-enc")
    done = ran("locate", issuer.url)
    assert (done.code, issuer.current.kid in done.out) == (3, True)
    assert "not_for_signatures" in done.out
    document = ran("locate", issuer.url, "--json").document
    assert {one["kid"] for one in document["skipped"]} == {key.kid for key in issuer.keys}
    assert document["error"]["code"] == "keyset_invalid"


# -- what a token must be -----------------------------------------------------------------------------------


def test_scopes_may_imply_others(issuer: LocalIssuer) -> None:
    """Written as the environment has it; what is granted so is shown."""
    token = issuer.token(scope="files:admin")
    asked = ("--require", "files:read", "--json")
    assert verify(issuer, *asked, token=token).document["error"]["code"] == "scope_insufficient"
    implies = ("--implies", '{"files:admin": ["files:read"]}')
    assert verify(issuer, *asked, *implies, token=token).code == 0
    for wrong in ("files", '{"a": 5}', '{"a": ["b"], "a": []}'):
        done = verify(issuer, "--implies", wrong)
        assert (done.code, "implies" in done.err) == (2, True), wrong
    assert "--implies" in ran("verify", token, "--issuer", issuer.url, "--no-claims", *implies).err


def test_a_bound_token_is_judged_without_its_proof_if_that_is_said(issuer: LocalIssuer) -> None:
    """Refused otherwise, with the way out; and the answer says what was not checked."""
    token = issuer.token(cnf=Sender().cnf)
    refused = verify(issuer, token=token)
    assert (refused.code, "--sender bearer" in refused.err) == (1, True)
    taken = verify(issuer, "--sender", "bearer", token=token)
    assert (taken.code, "whether its sender may use it was not checked" in taken.err) == (0, True)
    assert "--sender" in ran("verify", token, "--jwks", "x", "--no-claims", "--sender", "bearer").err


# -- metadata elsewhere -------------------------------------------------------------------------------------


def test_metadata_at_another_url(issuer: LocalIssuer) -> None:
    """Every command that asks an issuer takes it; the metadata must still state the issuer that was named."""
    at = ("--metadata-url", issuer.urls["discovery"])
    assert ran("locate", issuer.url, *at).code == 0
    assert verify(issuer, *at).code == 0
    assert ran("verify", issuer.token(), "--issuer", issuer.url, *at, "--no-claims").code == 0
    assert ran("doctor", issuer.url, *at, "--token", issuer.token()).code == 0
    assert ran("watch", issuer.url, *at, "--count", "1").code == 0
    other = ran("locate", "https://other.example", *at, "--json")
    assert (other.code, other.document["error"]["code"]) == (3, "issuer_mismatch")
    doctored = ran("doctor", "https://other.example", *at, "--json")
    assert doctored.code == 1
    assert {one["check"] for one in doctored.document["findings"] if one["severity"] == "error"} >= {"issuer"}


def test_plain_http_by_name() -> None:
    """A host that is named may be asked by http; it is not there, which is not a mistake in options."""
    url = "http://keycloak.invalid:8080/realms/x"
    token = "x"
    for command in (("locate", url), ("doctor", url), ("watch", url, "--count", "1")):
        assert ran(*command).code == 2
        assert ran(*command, "--plain-http", "keycloak.invalid").code == 3
    assert ran("verify", token, "--issuer", url, "--any-audience").code == 2
    named = ("--plain-http", "keycloak.invalid")
    assert ran("verify", token, "--issuer", url, "--any-audience", *named).code == 1
