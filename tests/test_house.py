"""The house: what stands flat is what users import; a folder is a word of the field, and imports only folders
that stand before it in the list.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "rightkey"

FOLDERS = (
    *("jose", "issuer", "policy", "verdict", "proof", "freshness", "introspection"),
    *("transport", "stores", "sources", "telemetry", "verifier"),
    *("integrations", "gateway", "localissuer", "drill", "cli"),
)
"""Read downwards: a folder imports only what stands before it. Inside a folder, imports make no circle."""
WORLD_BEGINS = "transport"
"""Nothing before it knows a clock, socket, thread or chance: times, locks and readers are passed in."""
FLAT = {
    "errors": "jose",
    "exchange": "jose",
    "version": "jose",
    "grants": "jose",
    "requirements": "jose",
    "events": "issuer",
    "awslc": "issuer",
    "kubernetes": "sources",
    "pyjwt": "gateway",
    "pytest_plugin": None,
    "__main__": None,
}
"""What users import, and the folder that it stands before; None at the end."""
MOST_FLAT, MOST_LINES, MOST_IN_A_FUNCTION = 16, 320, 40

ORDER = [
    *(
        name
        for folder in FOLDERS
        for name in (*[flat for flat, before in FLAT.items() if before == folder], folder)
    ),
    *[flat for flat, before in FLAT.items() if before is None],
]
PURE = set(ORDER[: ORDER.index(WORLD_BEGINS)]) - {"awslc"}
WORLD = {"socket", "ssl", "time", "threading", "asyncio", "os", "random", "secrets", "logging"}
CRYPTOGRAPHY = {"awslc", "jose", "localissuer"}


class Import(NamedTuple):
    """One import: from which module, of what, and whether it runs when the module is loaded."""

    module: str
    target: str
    at_once: bool

    @property
    def unit(self) -> str:
        """What of the ranks the importing module belongs to."""
        return self.module.partition(".")[0]

    @property
    def top(self) -> str:
        """The distribution, or module of the standard library, that is imported."""
        return self.target.partition(".")[0]


def modules() -> dict[str, Path]:
    """Every module of the package but its `__init__`, which is lazy and imports nothing by itself."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            found[name] = path
    return found


def imports_of(module: str, tree: ast.Module, *, typed: bool = False) -> Iterator[Import]:
    """Everything a module imports, wherever it stands; what only a type checker reads where `typed`."""
    for node, at_once in _run(tree, True, typed):
        for target in _targets(node):
            yield Import(module, target, at_once)


def _run(node: ast.AST, at_once: bool, typed: bool) -> Iterator[tuple[ast.AST, bool]]:
    """The statements in a statement that run, and whether they do when the module is loaded."""
    at_once = at_once and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    for child in _statements(node):
        for_types = isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING")
        if for_types and not typed:
            child = ast.If(child.test, [], child.orelse)
        yield child, at_once
        yield from _run(child, at_once, typed)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """The statements that stand in this one, and what holds such: most of a tree is expressions."""
    for block in ("body", "orelse", "handlers", "finalbody", "cases"):
        yield from getattr(node, block, ())


def _targets(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    assert node.level == 0, "imports are absolute"
    assert node.module is not None
    names = [f"{node.module}.{alias.name}" for alias in node.names]
    known = [name for name in names if name.removeprefix("rightkey.") in MODULES]
    return known or [node.module]


MODULES = modules()
TREES = {module: ast.parse(path.read_text(encoding="utf-8")) for module, path in MODULES.items()}
IMPORTS = [one for module, tree in TREES.items() for one in imports_of(module, tree)]
TYPED = [one for module, tree in TREES.items() for one in imports_of(module, tree, typed=True)]


def ours(imports: list[Import] = IMPORTS) -> Iterator[tuple[Import, str]]:
    """Imports within the package, each with the unit that is imported."""
    for one in imports:
        if one.top == "rightkey" and one.target != "rightkey":
            yield one, one.target.split(".")[1]


def test_every_module_stands_in_the_house() -> None:
    """A folder or a flat file that is not in the list has no place yet: give it one."""
    assert {name.partition(".")[0] for name in MODULES} == {*FOLDERS, *FLAT}
    assert len(FLAT) + 1 <= MOST_FLAT


def test_a_folder_imports_only_what_stands_before_it() -> None:
    """So that no import runs upwards, nor a type's name, and no circle can come about between folders."""
    wrong = [
        f"{one.module} imports {unit}"
        for one, unit in ours(TYPED)
        if unit != one.unit and ORDER.index(unit) >= ORDER.index(one.unit)
    ]
    assert wrong == []


def test_files_and_functions_are_short() -> None:
    """A file is read in five minutes, and a function at a glance."""
    long_files = [name for name, path in MODULES.items() if len(path.read_text().splitlines()) > MOST_LINES]
    assert long_files == []
    long_functions = [f"{name}.{function}" for name, tree in TREES.items() for function in _long_in(tree)]
    assert long_functions == []


def _long_in(node: ast.AST) -> Iterator[str]:
    for child in _statements(node):
        yield from _long_in(child)
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if (child.end_lineno or 0) - child.lineno + 1 > MOST_IN_A_FUNCTION:
            yield child.name


@pytest.mark.parametrize("package", FOLDERS)
def test_a_package_imports_itself_without_circles(package: str) -> None:
    """Taking away, again and again, what imports nothing that is left, nothing remains.

    Also those count that run when something is called: what needs each other is one file, however late.
    """
    inside = {name for name in MODULES if name.split(".")[0] == package}
    needs = {
        name: {one.target.removeprefix("rightkey.") for one in IMPORTS if one.module == name} & inside
        for name in inside
    }
    while free := {name for name in needs if not needs[name] & needs.keys()}:
        needs = {name: needed for name, needed in needs.items() if name not in free}
    assert needs == {}


def test_what_decides_does_not_touch_the_world() -> None:
    """Times, locks, readers and chance are passed in. A date in a header is read by `email.utils`, lazily."""
    pure = [one for one in IMPORTS if one.unit in PURE]
    assert [one for one in pure if one.top in WORLD] == []
    mail = {(one.module, one.at_once) for one in pure if one.top == "email"}
    assert mail <= {("exchange", False)}


REPLACED = {"time", "random", "secrets"}
"""Modules whose functions others replace: what freezes the time, and what makes threads green."""


def kept(tree: ast.Module) -> Iterator[ast.expr]:
    """What is evaluated once: defaults of arguments and fields, and values of classes and modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from (one for one in (*node.args.defaults, *node.args.kw_defaults) if one is not None)
        if isinstance(node, ast.ClassDef | ast.Module):
            values = (one.value for one in node.body if isinstance(one, ast.Assign | ast.AnnAssign))
            yield from (value for value in values if value is not None)


def functions_of(value: ast.expr) -> Iterator[str]:
    """Functions of those modules that a value holds, and does not call."""
    inside = [*ast.walk(value)]
    passed = {id(one.func) for one in inside if isinstance(one, ast.Call)}
    passed |= {id(each) for one in inside if isinstance(one, ast.Lambda) for each in ast.walk(one)}
    for one in inside:
        named = isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name) and id(one) not in passed
        if named and one.value.id in REPLACED and one.attr.islower():
            yield f"{one.value.id}.{one.attr}"


def test_the_worlds_functions_are_looked_up_when_they_are_called() -> None:
    """None is a default: what replaces it may come later than we are imported."""
    modules = {one.module for one in IMPORTS if one.top in REPLACED}
    found = {
        (module, name) for module in modules for one in kept(TREES[module]) for name in functions_of(one)
    }
    assert modules
    assert found == set()


def test_cryptography_is_imported_where_keys_are() -> None:
    """And by what checks a signature, for the exception that says no."""
    users = {one.unit for one in IMPORTS if one.top == "cryptography"}
    assert users <= CRYPTOGRAPHY
    of_signature = {one.target for one in IMPORTS if one.module == "jose.jws" and one.top == "cryptography"}
    assert of_signature <= {"cryptography.exceptions"}


def test_aws_lc_is_loaded_where_it_is_asked_for() -> None:
    """By nothing else, and by nothing that is there anyway."""
    assert {(one.module, one.at_once) for one in IMPORTS if one.top == "awscrt"} == {("awslc", False)}
    assert [one for one, unit in ours() if unit == "awslc"] == []


@pytest.mark.slow
def test_no_http_client_is_imported() -> None:
    """There is none but our own, and a service that brings a transport, or its own keys, does not load it."""
    assert {one.unit for one in IMPORTS if one.top in ("urllib3", "httpx", "httpx2", "requests")} == set()
    loaded = loaded_after(
        "import rightkey;from rightkey.transport.httpx import HttpxTransport;"
        "mine = HttpxTransport(type('Client', (), {'stream': None})());"
        "rightkey.Verifier('a.example', audience='a', transport=mine);"
        "rightkey.Verifier('a.example', audience='a', keys=rightkey.KeySet(()))"
    )
    assert "rightkey.transport.connection" not in loaded


def test_the_local_issuer_is_for_demos_and_tests() -> None:
    """No part of a service can reach it; pytest's plugin does, when a test asks for a fixture."""
    users = {one for one, unit in ours() if unit == "localissuer"}
    assert {one.unit for one in users} <= {"localissuer", "drill", "cli", "pytest_plugin"}
    assert not any(one.at_once for one in users if one.unit == "pytest_plugin")


@pytest.mark.slow
def test_the_plugin_costs_nobody_who_does_not_use_it() -> None:
    """pytest loads it wherever rightkey is installed: it brings no module but its own and the package's."""
    before, after = loaded_after("import pytest"), loaded_after("import rightkey.pytest_plugin")
    assert after - before == {"rightkey", "rightkey.pytest_plugin"}
    assert {one.unit for one in IMPORTS if one.top == "pytest"} == {"pytest_plugin"}


def test_authlib_is_imported_for_grants_alone() -> None:
    """And when the first of them is asked for: keys, tokens and faults need no extra."""
    users = {one.module for one in IMPORTS if one.top == "authlib"}
    assert users
    assert all(user.startswith("localissuer.grants") for user in users)
    loaders = {one for one in IMPORTS if one.target.startswith("rightkey.localissuer.grants")}
    outside = {one for one in loaders if not one.module.startswith("localissuer.grants")}
    assert {(one.module, one.at_once) for one in outside} == {("localissuer.responding", False)}


def test_what_metrics_need_is_imported_by_telemetry_alone() -> None:
    """Each by its own module, which nothing else loads: the log needs neither."""
    clients = {"prometheus_client", "opentelemetry"}
    assert {(one.module, one.top) for one in IMPORTS if one.top in clients} == {
        ("telemetry.prometheus", "prometheus_client"),
        ("telemetry.opentelemetry", "opentelemetry"),
    }
    kept = {"rightkey.telemetry.prometheus", "rightkey.telemetry.opentelemetry"}
    assert [one for one, _ in ours() if one.target in kept] == []


def test_a_stores_client_is_imported_by_its_own_module_alone() -> None:
    """And by nothing at once: a service without a store loads nothing of it."""
    assert {(one.module, one.at_once) for one in IMPORTS if one.top == "redis"} == {("stores.redis", False)}
    users = {(one.module, one.at_once) for one, unit in ours() if unit == "stores" and one.unit != "stores"}
    assert {module for module, at_once in users if at_once} == {"sources.fleets"}
    assert {one.module for one, _ in ours() if one.target == "rightkey.sources.fleets" and one.at_once} == {
        "cli.fleet"
    }


FRAMEWORKS = {
    "fastapi",
    "starlette",
    "flask",
    "werkzeug",
    "django",
    "rest_framework",
    "drf_spectacular",
    "ninja",
    "litestar",
    "aiohttp",
    "mcp",
    "fastmcp",
    "grpc",
    "jwt",
    "strawberry",
}


SHARED = {
    f"integrations.{name}"
    for name in (
        "bearer",
        "carriers",
        "certificates",
        "challenges",
        "credential",
        "handshake",
        "login",
        "openapi",
        "resource",
        "views",
    )
}


def test_a_framework_is_imported_by_its_own_integration_alone() -> None:
    """FastAPI's stands on Starlette, as FastAPI does; what all share knows none of them, nor the world."""
    users = {(one.module, one.top) for one in IMPORTS if one.top in FRAMEWORKS}
    assert users == {
        ("integrations.aiohttp", "aiohttp"),
        ("integrations.django", "django"),
        ("integrations.djangoconf", "django"),
        ("integrations.drf", "rest_framework"),
        ("integrations.spectacular", "drf_spectacular"),
        ("integrations.ninja", "django"),
        ("integrations.ninja", "ninja"),
        ("integrations.litestar", "litestar"),
        ("integrations.fastapi", "fastapi"),
        ("integrations.fastapi", "starlette"),
        ("integrations.fastmcp", "fastmcp"),
        ("integrations.flask", "flask"),
        ("integrations.grpc", "grpc"),
        ("integrations.mcp", "mcp"),
        ("integrations.mcp", "starlette"),
        ("integrations.pyjwt", "jwt"),
        ("integrations.starlette", "starlette"),
        ("integrations.strawberry", "strawberry"),
        ("pyjwt", "jwt"),
    }
    shared = [one for one in IMPORTS if one.module in SHARED]
    assert {one.top for one in shared} & (WORLD | FRAMEWORKS) == set()
    inside = {one.target.removeprefix("rightkey.") for one in shared if "integrations" in one.target}
    assert inside <= SHARED


def loaded_after(statement: str) -> set[str]:
    """The modules that a new interpreter has loaded after a statement."""
    program = f"import sys\n{statement}\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_the_package_itself_loads_nothing() -> None:
    """Names come when they are first used."""
    loaded = loaded_after("import rightkey")
    assert loaded & {"cryptography", "orjson", "ssl", "rightkey.errors"} == set()


@pytest.mark.slow
def test_a_verifier_loads_no_client_no_loop_and_no_command_line() -> None:
    """What a process does not use it does not pay for."""
    loaded = loaded_after("from rightkey import Verifier")
    assert (
        loaded & {"rightkey.transport", "asyncio", "click", "rich", "http.client", "rightkey.localissuer"}
        == set()
    )
    assert loaded & {"rightkey.integrations", "rightkey.verifier.environment", *FRAMEWORKS} == set()
    assert loaded & {"cryptography.x509", "cryptography.hazmat.backends.openssl.backend"} == set()


GUIDE = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")


def questions() -> list[tuple[str, str]]:
    """The rows of "Where is ...": a file, and a definition in it."""
    rows = GUIDE.partition("### Where is ...")[2].partition("\n## ")[0].splitlines()
    cells = [[cell.strip(" `") for cell in row.strip("|").split("|")] for row in rows if row.startswith("| ")]
    return [(file, definition) for _, file, definition in cells[2:]]


@pytest.mark.parametrize(("file", "definition"), questions())
def test_a_rule_is_where_the_guide_says(file: str, definition: str) -> None:
    """So that a newcomer finds it by the file's name."""
    tree: ast.AST = next(TREES[module] for module, path in MODULES.items() if path == PACKAGE / file)
    for name in definition.split("."):
        found = [node for node in ast.iter_child_nodes(tree) if name in _named(node)]
        assert found, definition
        tree = found[0]


def _named(node: ast.AST) -> set[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return {node.name}
    targets = (
        node.targets
        if isinstance(node, ast.Assign)
        else [node.target]
        if isinstance(node, ast.AnnAssign)
        else []
    )
    return {target.id for target in targets if isinstance(target, ast.Name)}


def test_the_guide_shows_the_house() -> None:
    """Every folder, in the order of the list; and it answers more than twenty questions."""
    shown = [line.split("/")[0].split()[-1] for line in GUIDE.splitlines() if re.match(r"[├└]── \w+/", line)]
    assert shown == list(FOLDERS)
    assert len(questions()) >= 21


def test_every_promise_names_tests_that_exist() -> None:
    """SECURITY.md says what holds what it promises."""
    page = (PACKAGE.parents[1] / "SECURITY.md").read_text(encoding="utf-8").partition("## What holds it")[2]
    named = re.findall(r"`(tests/[\w/.]+)`", page)
    assert len(named) > 20
    assert [path for path in named if not (PACKAGE.parents[1] / path).exists()] == []
