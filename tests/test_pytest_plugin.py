"""pytest's plugin, as the test suites of services see it: each test here runs a suite of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rightkey import AsyncVerifier, Verifier, pytest_plugin
from rightkey.integrations import flask  # noqa: F401 - loaded once, as below
from rightkey.localissuer import LocalIssuer

pytestmark = pytest.mark.slow

pytest_plugins = ["pytester"]

FIXTURES = {
    name for name, thing in vars(pytest_plugin).items() if isinstance(thing, type(pytest_plugin.issuer))
}
PAGE = Path(__file__).parents[1] / "docs" / "testing.md"
STRICT = (
    "-q",
    "-W",
    "error",
    "--strict-markers",
    *(f"-pno:{name}" for name in ("cacheprovider", "anyio", "hypothesispytest")),
)
"""Plugins that these suites do not need take a second to load, each time."""


@pytest.fixture(autouse=True, scope="module")
def _loaded() -> None:
    """pytester forgets what a suite loads: our modules must be there before, lest there be two of each."""
    with LocalIssuer(algorithm="ES256") as issuer:
        assert AsyncVerifier(issuer.url, audience=issuer.audience)
        Verifier(issuer.url, audience=issuer.audience).explain(issuer.token())


def passes(pytester: pytest.Pytester, source: str, tests: int = 1) -> None:
    """A suite of this source, in which so many tests pass and nothing else happens."""
    pytester.makepyfile(source)
    assert pytester.runpytest_inprocess(*STRICT).parseoutcomes() == {"passed": tests}


def test_each_test_has_an_issuer_of_its_own(pytester: pytest.Pytester) -> None:
    """It runs, its tokens verify, and neither its URL nor its keys were those of another."""
    passes(
        pytester,
        """
        import pytest
        import rightkey

        seen = set()

        @pytest.mark.parametrize("time", range(3))
        def test_it(issuer, token_for, time):
            verifier = rightkey.Verifier(issuer.url, audience=issuer.audience)
            token = verifier.verify(token_for("alice", scope="read:x"), require="read:x")
            assert (token.subject, issuer.requests["jwks"]) == ("alice", 1)
            assert not {issuer.url, issuer.current.kid} & seen
            seen.update({issuer.url.partition("/test-")[2], issuer.current.kid})
            assert len(seen) == 2 * (time + 1)
        """,
        3,
    )


def test_tokens_have_any_claims(pytester: pytest.Pytester) -> None:
    """And what else `LocalIssuer.token` takes; None leaves the subject out."""
    passes(
        pytester,
        """
        import jwt

        def test_it(issuer, token_for):
            bare = jwt.decode(token_for(None, a=1, exp=None), options={"verify_signature": False})
            assert bare.keys() == {"iss", "aud", "iat", "a"}
            other = token_for("alice", key=issuer.next, header={"typ": "at+jwt"})
            assert jwt.get_unverified_header(other)["kid"] == issuer.next.kid
            assert jwt.get_unverified_header(other)["typ"] == "at+jwt"
        """,
    )


def test_time_is_moved_for_issuer_and_verifier_alike(pytester: pytest.Pytester) -> None:
    """A token expires, keys grow old, and a fetch that hangs is over at once: nothing sleeps."""
    passes(
        pytester,
        """
        import time
        import rightkey

        def test_it(issuer, token_for, rightkey_verifier, monkeypatch):
            monkeypatch.setattr(time, "sleep", None)
            old = token_for("alice")
            assert rightkey_verifier.verify(old).subject == "alice"
            issuer.clock.advance(3600)
            assert rightkey_verifier.explain(old).error.code == "claims_rejected"
            assert rightkey_verifier.status().age == 3600
            issuer.misbehave("jwks", "hang")
            issuer.clock.advance(86400)
            assert rightkey_verifier.explain(token_for("bob")).error.code == "keys_unavailable"
        """,
    )


def test_tasks_and_integrations_take_the_same_settings(pytester: pytest.Pytester) -> None:
    """`rightkey_settings` goes into AsyncVerifier and into a framework's RightKey as it is."""
    passes(
        pytester,
        """
        import asyncio
        from flask import Flask
        from rightkey import AsyncVerifier
        from rightkey.integrations.flask import RightKey

        def test_it(token_for, rightkey_settings):
            verifier = AsyncVerifier(**rightkey_settings)
            assert asyncio.run(verifier.verify(token_for("alice"))).subject == "alice"
            app = Flask("test")
            auth = RightKey(app, **rightkey_settings)
            app.get("/")(auth(lambda: auth.token.subject))
            got = app.test_client().get("/", headers={"Authorization": f"Bearer {token_for('bob')}"})
            assert got.text == "bob"
        """,
    )


def test_the_environment_points_an_application_at_the_issuer(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the test that asks, and no longer."""
    monkeypatch.setenv("RIGHTKEY_ISSUER", "https://tenant.eu.auth0.com/")
    monkeypatch.delenv("RIGHTKEY_AUDIENCE", raising=False)
    passes(
        pytester,
        """
        import os
        import rightkey

        def test_it(issuer, token_for, rightkey_environment):
            assert rightkey_environment["RIGHTKEY_ISSUER"] == os.environ["RIGHTKEY_ISSUER"] == issuer.url
            assert rightkey.Verifier.from_env().verify(token_for("alice")).subject == "alice"

        def test_after():
            assert os.environ["RIGHTKEY_ISSUER"] == "https://tenant.eu.auth0.com/"
            assert "RIGHTKEY_AUDIENCE" not in os.environ
        """,
        2,
    )


def test_marks_say_how_the_issuer_is_made(pytester: pytest.Pytester) -> None:
    """The closest counts, over the configuration."""
    pytester.makeini(
        "[pytest]\nrightkey_dress = keycloak\nrightkey_audience = mine\nrightkey_algorithm = EdDSA\n"
    )
    passes(
        pytester,
        """
        import pytest

        pytestmark = pytest.mark.rightkey(dress="okta")

        def test_the_module(issuer):
            assert (issuer.dress.named, issuer.audience) == ("/{name}/oauth2/default", "mine")
            assert issuer.algorithm == "EdDSA"

        @pytest.mark.rightkey(dress="entra", algorithm="RS256", path="/tenant/v2.0", audience="other")
        def test_the_closest(issuer):
            assert issuer.url.endswith("/tenant/v2.0")
            assert (issuer.algorithm, issuer.audience) == ("RS256", "other")

        def test_for_the_run(rightkey_session_issuer):
            assert rightkey_session_issuer.url.endswith("/realms/local")
        """,
        3,
    )


@pytest.mark.parametrize(
    ("mark", "told"),
    [
        ("'okta'", "takes options by name"),
        ("dress='okto'", "expected one of auth0, okta"),
        ("algorithm='HS256'", "expected one of RS256"),
        ("dres='okta'", "no option 'dres'; did you mean 'dress'"),
    ],
)
def test_a_wrong_mark_is_told(pytester: pytest.Pytester, mark: str, told: str) -> None:
    """And the test does not run."""
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.rightkey({mark})
        def test_it(issuer): ...
        """
    )
    result = pytester.runpytest_inprocess(*STRICT)
    outcomes = result.parseoutcomes()
    assert (outcomes.get("errors"), outcomes.get("passed"), outcomes.get("failed")) == (1, None, None)
    result.stdout.fnmatch_lines(f"*{told}*")


def test_a_session_has_one_where_the_suite_says_so(pytester: pytest.Pytester) -> None:
    """A suite with an `issuer` of its own gets tokens, settings and variables of that one."""
    passes(
        pytester,
        """
        import pytest

        @pytest.fixture
        def issuer(rightkey_session_issuer):
            yield rightkey_session_issuer

        urls = []

        @pytest.mark.parametrize("time", range(2))
        def test_it(rightkey_verifier, rightkey_environment, token_for, time):
            assert rightkey_verifier.verify(token_for("alice")).subject == "alice"
            urls.append(rightkey_environment["RIGHTKEY_ISSUER"])
            assert len(set(urls)) == 1
        """,
        2,
    )


def test_names_that_a_suite_has_already_stay_its_own(pytester: pytest.Pytester) -> None:
    """Every other fixture of the plugin bears its name."""
    passes(
        pytester,
        """
        import pytest

        @pytest.fixture
        def issuer():
            return "mine"

        def test_it(issuer):
            assert issuer == "mine"
        """,
    )
    assert {name for name in FIXTURES if not name.startswith("rightkey_")} == {"issuer", "token_for"}


def test_every_fixture_and_option_is_documented() -> None:
    """And nothing else is, in the page's tables."""
    options = {f"rightkey_{name}" for name in pytest_plugin._OPTIONS}
    documented = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(documented) == FIXTURES | options


@pytest.mark.slow
def test_the_page_on_testing_runs(pytester: pytest.Pytester) -> None:
    """Each of its blocks as a module of tests."""
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    tests = 0
    for number, block in enumerate(blocks):
        pytester.makepyfile(**{f"test_{number}": block})
        tests += block.count("\ndef test_")
    assert tests > 10
    result = pytester.runpytest_subprocess(*STRICT)
    assert result.ret == 0
    assert result.parseoutcomes().keys() == {"passed"}
    assert result.parseoutcomes()["passed"] >= tests
