"""examples/compose: Keycloak has one name inside and another outside, and the API real servers and nginx."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rightkey.verifier.variables import VARIABLES

FOLDER = Path(__file__).parents[2] / "examples" / "compose"
SERVERS = ("gthread", "gevent", "gevent-preload", "gevent-https", "uvicorn", "granian", "granian-https")
SKIPPED = 77


@pytest.mark.slow
@pytest.mark.parametrize("server", SERVERS)
def test_rotation_flood_and_outage_are_seen(server: str) -> None:
    """In the log and at /metrics, and good tokens are taken all the while."""
    pytest.importorskip("greenlet", reason="gevent is not here")
    run = subprocess.run(
        [sys.executable, str(FOLDER / "run.py"), server],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if run.returncode == SKIPPED:
        pytest.skip(run.stderr.strip().removeprefix("skipped: "))
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_server_is_played() -> None:
    """A server that the program has, and no test plays, would rot."""
    assert set(SERVERS) == set(constants(FOLDER / "run.py")["SERVERS"])


def constants(path: Path) -> dict[str, list[Any]]:
    """The keys of the dictionaries that a program defines, by name: it cannot be imported from here."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        ast.unparse(node.targets[0]): [key.value for key in node.value.keys if isinstance(key, ast.Constant)]
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
    }


def test_the_compose_file_says_what_is_played() -> None:
    """Each variable of ours in it is known, and has the value that `run.py` was seen to work with."""
    compose = (FOLDER / "docker-compose.yml").read_text(encoding="utf-8")
    said = dict(re.findall(r"^ +(RIGHTKEY_\w+): (\S+)$", compose, re.MULTILINE))
    assert set(said) <= {one.name for one in VARIABLES}
    played = (FOLDER / "run.py").read_text(encoding="utf-8").replace("{REALM}", "/realms/demo")
    assert len(said) == 4
    for name, value in said.items():
        assert f'"{name}": "{value}"' in played.replace(f'f"{value}"', f'"{value}"'), name


def test_the_realm_grants_what_the_services_ask_for() -> None:
    """An audience that no mapper writes is the first mistake with Keycloak."""
    realm = json.loads((FOLDER / "realm.json").read_text(encoding="utf-8"))
    mapper = realm["clients"][0]["protocolMappers"][0]["config"]
    compose = (FOLDER / "docker-compose.yml").read_text(encoding="utf-8")
    assert f"RIGHTKEY_AUDIENCE: {mapper['included.custom.audience']}" in compose
    assert f"/realms/{realm['realm']}\n" in compose
    asked = set()
    for service in ("wsgi_service", "asgi_service"):
        asked |= set(re.findall(r'role\("(\w+)"\)', (FOLDER / f"{service}.py").read_text(encoding="utf-8")))
    assert asked == set(realm["users"][0]["realmRoles"])
