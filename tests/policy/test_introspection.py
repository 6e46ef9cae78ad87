"""How an issuer is asked: what settings may be, and that they tell no secret."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from rightkey.errors import Misconfigured
from rightkey.policy.introspection import METHODS, Introspection

SECRET = "s3cr3t-of-ours"


@pytest.mark.parametrize("method", METHODS)
def test_a_file_of_a_secret_is_taken_for_any_method(method: str) -> None:
    """It is read when it is needed."""
    assert Introspection("us", Path("/run/secret"), auth_method=method).auth_method == method


def test_nothing_tells_the_secret() -> None:
    """Nor where it is: equal settings are found by it, and it pickles with its verifier."""
    settings = Introspection("us", SECRET)
    assert SECRET not in repr(settings)
    assert repr(settings).startswith("Introspection(client_id='us', auth_method=")
    assert pickle.loads(pickle.dumps(settings)) == settings
    assert hash(settings) == hash(Introspection("us", SECRET))
    assert settings != Introspection("us", SECRET + "2")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"client_id": ""}, "client_id must be a non-empty string"),
        ({"client_id": " "}, "client_id must be a non-empty string"),
        ({"client_id": 7}, "client_id must be a non-empty string"),
        ({"client_id": "\ud800"}, "client_id must be a non-empty string"),
        ({"secret": f"{SECRET}\udcff"}, "secret has characters that UTF-8 cannot hold"),
        ({"kid": 5}, "kid must be a string"),
        ({"signed": "false"}, "signed must be True or False"),
        ({"require_audience": ""}, "require_audience must be True or False"),
        ({"assertion_audience": "\ud800"}, "assertion_audience must be a string"),
        ({"secret": ""}, "secret must not be empty"),
        ({"secret": b"\n"}, "secret must not be empty"),
        ({"secret": 7}, "secret must be a string, bytes or a Path, not int"),
        ({"secret": "-----BEGIN PRIVATE KEY-----"}, "no client secret"),
        ({"auth_method": "client_secret_jwt"}, "auth_method must be one of"),
        ({"auth_method": "private_key_jwt"}, "secret cannot be used for private_key_jwt"),
        ({"life": -1}, "life must be a number, from 0 to 3,600"),
        ({"life": 3601}, "life must be a number"),
        ({"life": float("nan")}, "life must be a number"),
        ({"life": True}, "life must be a number"),
        ({"refused": 61}, "refused must be a number, from 0 to 60"),
        ({"rate": 0}, "rate must be a number, from 1"),
        ({"at_once": 1}, "at_once must be an integer, from 2 to 1,000"),
        ({"at_once": 8.0}, "at_once must be an integer"),
        ({"secrte": "x"}, "secrte"),
    ],
)
def test_what_cannot_be_is_refused_where_it_is_built(given: dict[str, Any], told: str) -> None:
    """The secret is never quoted."""
    with pytest.raises(Misconfigured) as caught:
        Introspection(**{"client_id": "us", "secret": SECRET} | given)
    assert told in str(caught.value)
    assert SECRET not in f"{caught.value} {caught.value.hint}"
