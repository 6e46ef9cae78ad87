"""Who may ask a local issuer for tokens."""

from __future__ import annotations

import pytest

from rightkey.localissuer.clients import Client, Clients
from rightkey.localissuer.state import InMemory


@pytest.mark.parametrize(
    ("text", "client"),
    [("web", Client("web")), ("web:", Client("web")), ("web:a:b", Client("web", "a:b"))],
)
def test_a_client_is_written_with_or_without_a_secret(text: str, client: Client) -> None:
    """What comes after the first colon."""
    assert Client.of(text) == client


def test_other_is_a_client_until_one_is_listed() -> None:
    """With any secret, or none."""
    clients = Clients(InMemory())
    other = clients.find("other")
    assert other is not None
    assert other.check_client_secret("whatever")
    assert all(other.check_endpoint_auth_method(method, "token") for method in ("none", "client_secret_post"))
    clients.add(Client("web", "right"))
    assert clients.find("other") is None
    web = clients.find("web")
    assert web == Client("web", "right")


def test_a_secret_must_be_shown_and_right() -> None:
    """A public client has none to show, and gets nothing for itself."""
    web, app = Client("web", "right"), Client("app")
    assert web.check_client_secret("right")
    assert not web.check_client_secret("wrong")
    assert not app.check_client_secret("")
    assert [web.check_endpoint_auth_method(name, "token") for name in ("none", "client_secret_basic")] == [
        False,
        True,
    ]
    assert [app.check_endpoint_auth_method(name, "token") for name in ("none", "client_secret_basic")] == [
        True,
        False,
    ]
    assert web.check_grant_type("client_credentials")
    assert not app.check_grant_type("client_credentials")
    assert app.check_grant_type("authorization_code")


def test_people_are_sent_where_a_client_said() -> None:
    """Letter by letter; the first place where a request names none."""
    web = Client("web", "s", ("https://a.test/back", "https://a.test/other"))
    assert web.get_default_redirect_uri() == "https://a.test/back"
    assert web.check_redirect_uri("https://a.test/other")
    assert not web.check_redirect_uri("https://a.test/other/")
    anywhere = Client("app")
    assert anywhere.get_default_redirect_uri() is None
    assert anywhere.check_redirect_uri("com.example.app:/back")
    assert not anywhere.check_redirect_uri("javascript:alert(1)")
