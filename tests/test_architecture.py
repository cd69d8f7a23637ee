"""The shape of the code: names agree over the layers, rooms stay small, rules stay in their layer.

Each rule is a function from sources to complaints; the tests below run it on the code and, to show that it
bites, on small samples that break it. What imports can say, .importlinter says as well.
"""

import ast
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = "src/portal_api"

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
MAX_RUNTIME_DEPENDENCIES = 25
VAGUE_NAMES = {"utils", "helpers", "common", "manager"}

# What handlers' signatures are made of.
ROUTERS_WITHOUT_DOMAIN = {"deps"}
# Domains without a table of their own: flows over other domains, or a mapping of their records.
STEMS_WITHOUT_MODEL = {"signup", "fhir", "me", "privacy", "questionnaires", "stream", "sync"}

Sources = dict[str, str]
Rule = Callable[[Sources], list[str]]


def sources() -> Sources:
    """Every Python file of src and tests: path relative to the root, and text."""
    files = [*(ROOT / PACKAGE).rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    return {path.relative_to(ROOT).as_posix(): path.read_text() for path in files}


def in_layers(files: Sources, *layers: str) -> Iterator[tuple[str, ast.Module]]:
    """The parsed files of the layers; of the whole package when none is named."""
    prefixes = tuple(f"{PACKAGE}/{layer}/" for layer in layers) or (f"{PACKAGE}/",)
    for path, text in sorted(files.items()):
        if path.startswith(prefixes):
            yield path, parsed(path, text)


@cache
def parsed(path: str, text: str) -> ast.Module:
    return ast.parse(text, path)


def is_module(path: str, *dotted: str) -> bool:
    """Whether the file is one of the modules, or in the package of that name."""
    inner = path.removeprefix(f"{PACKAGE}/")
    return any(inner == f"{name}.py" or inner.startswith(f"{name}/") for name in dotted)


def stems(files: Sources, layer: str) -> set[str]:
    """The names of a layer's public modules and packages."""
    inner = (PurePosixPath(path).relative_to(f"{PACKAGE}/{layer}") for path in files if f"/{layer}/" in path)
    names = {path.parts[0].removesuffix(".py") for path in inner}
    return {name for name in names if not name.startswith("_")}


def calls(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything that is called, as far as it is spelled out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)


def imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and top-level package of every absolute import, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module.split(".")[0]


def stems_agree(files: Sources) -> list[str]:
    """A router's stem is also that of its schemas, service, tests and, unless it has no table, model."""
    complaints = []
    for stem in sorted(stems(files, "routers") - ROUTERS_WITHOUT_DOMAIN):
        layers = ["schemas", "services"] if stem in STEMS_WITHOUT_MODEL else ["schemas", "services", "models"]
        complaints += [f"routers/{stem} has no {layer}/{stem}" for layer in layers if stem not in stems(files, layer)]
        tested = f"tests/api/test_{stem}.py" in files or any(p.startswith(f"tests/api/{stem}/") for p in files)
        if not tested:
            complaints.append(f"routers/{stem} has no tests/api/test_{stem}.py")
    return complaints


def files_are_short(files: Sources) -> list[str]:
    return [
        f"{path}: {text.count(chr(10))} lines; make it a package of the same name"
        for path, text in sorted(files.items())
        if path.startswith(PACKAGE) and text.count("\n") > MAX_FILE_LINES
    ]


def functions_are_short(files: Sources) -> list[str]:
    complaints = []
    for path, tree in in_layers(files):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    complaints.append(f"{path}:{node.lineno} {node.name}: {lines} lines; name its steps")
    return complaints


def names_say_something(files: Sources) -> list[str]:
    def parts(path: str) -> set[str]:
        return {part.removesuffix(".py").strip("_") for part in PurePosixPath(path).parts}

    return [f"{path}: name it after what it does" for path in sorted(files) if parts(path) & VAGUE_NAMES]


def only_the_session_commits(files: Sources) -> list[str]:
    """A request commits in core.db, a job in its runner: one request, one transaction."""
    return [
        f"{path}:{line} {name}(): a commit belongs to core.db"
        for path, tree in in_layers(files)
        for line, name in calls(tree)
        if name.rsplit(".", 1)[-1] == "commit" and not is_module(path, "core/db", "jobs/runner")
    ]


def the_database_tells_the_time(files: Sources) -> list[str]:
    clocks = re.compile(r"(.*\.)?(datetime\.(now|utcnow|today)|date\.today|time\.time|utcnow)")
    return [
        f"{path}:{line} {name}(): ask the database's clock"
        for path, tree in in_layers(files, "services", "models")
        for line, name in calls(tree)
        if clocks.fullmatch(name)
    ]


def outside_libraries_keep_their_place(files: Sources) -> list[str]:
    """What .importlinter says, cheaply and again: jose, passlib, HTTP and SQL each stay where they belong."""

    def may(path: str, package: str) -> bool:
        match package:
            case "jose":
                return is_module(path, "core/signing")
            case "passlib":
                return is_module(path, "core/passwords")
            case "fastapi" | "starlette":
                return is_module(path, "routers", "web", "main", "cli")
            case "sqlalchemy":
                return not is_module(path, "routers")
            case _:
                return True

    return [
        f"{path}:{line} imports {package}"
        for path, tree in in_layers(files)
        for line, package in imports(tree)
        if not may(path, package)
    ]


def text_names_no_machine(files: Sources) -> list[str]:
    """No registry's host and no path of somebody's machine: both are wrong on every other machine."""
    machine = re.compile(
        r"(files\.pythonhosted\.org|pypi\.org/simple|registry\.npmjs\.org|(?<![\w.])/(home|Users|root|work)/[a-z])"
    )
    return [
        f"{path}:{number} names a host or a path of one machine: {found[0]}"
        for path, text in sorted(files.items())
        for number, line in enumerate(text.splitlines(), 1)
        if (found := machine.search(line))
    ]


RULES: list[Rule] = [
    stems_agree,
    files_are_short,
    functions_are_short,
    names_say_something,
    only_the_session_commits,
    the_database_tells_the_time,
    outside_libraries_keep_their_place,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_code_keeps_the_rule(rule: Rule) -> None:
    assert rule(sources()) == []


@pytest.mark.skipif(not (shutil.which("git") and (ROOT / ".git").exists()), reason="this is no git checkout")
def test_tracked_files_name_no_machine() -> None:
    # A checkout that belongs to another user is refused unless it is said to be safe.
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    tracked = [name for name in listed.stdout.split("\0") if name and "/static/" not in name]
    tracked.remove(Path(__file__).relative_to(ROOT).as_posix())
    texts = {name: (ROOT / name).read_text(errors="replace") for name in tracked if (ROOT / name).is_file()}
    assert "pyproject.toml" in texts
    assert text_names_no_machine(texts) == []


def test_few_direct_dependencies() -> None:
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert 0 < len(dependencies) <= MAX_RUNTIME_DEPENDENCIES


def sample(path: str, text: str = "") -> Sources:
    return {path if path.startswith("tests/") else f"{PACKAGE}/{path}": text}


WHOLE_STEM = {
    **sample("routers/rooms.py"),
    **sample("schemas/rooms.py"),
    **sample("services/rooms/__init__.py"),
    **sample("models/rooms.py"),
    **sample("tests/api/test_rooms.py"),
}

BROKEN: list[tuple[Rule, Sources]] = [
    *((stems_agree, {path: "" for path in WHOLE_STEM if path != missing}) for missing in list(WHOLE_STEM)[1:]),
    (files_are_short, sample("services/rooms.py", "x = 1\n" * 501)),
    (functions_are_short, sample("services/rooms.py", "def f():\n" + "    x = 1\n" * 60)),
    (
        functions_are_short,
        sample("services/rooms.py", "class A:\n    async def f(self):\n" + "        x = 1\n" * 60),
    ),
    (names_say_something, sample("services/utils.py")),
    (names_say_something, sample("core/helpers/text.py")),
    (names_say_something, sample("tests/common.py")),
    (only_the_session_commits, sample("services/rooms.py", "await session.commit()")),
    (only_the_session_commits, sample("core/dbx.py", "self.session.commit()")),
    (the_database_tells_the_time, sample("services/rooms.py", "datetime.now(UTC)")),
    (the_database_tells_the_time, sample("services/rooms.py", "datetime.datetime.utcnow()")),
    (the_database_tells_the_time, sample("models/rooms.py", "time.time()")),
    (outside_libraries_keep_their_place, sample("services/rooms.py", "from jose import jwt")),
    (outside_libraries_keep_their_place, sample("core/tokens.py", "def f():\n    import passlib.hash")),
    (outside_libraries_keep_their_place, sample("jobs/rooms.py", "from fastapi import FastAPI")),
    (outside_libraries_keep_their_place, sample("core/errors.py", "import starlette.requests")),
    (outside_libraries_keep_their_place, sample("routers/rooms.py", "from sqlalchemy import select")),
    (text_names_no_machine, {"docs/install.md": "see /home/somebody/portal"}),
    (text_names_no_machine, {"openapi/package-lock.json": '"resolved": "https://registry.npmjs.org/x"'}),
    (text_names_no_machine, {"requirements/dev.txt": "--index-url https://pypi.org/simple"}),
]

ALLOWED: list[tuple[Rule, Sources]] = [
    (stems_agree, WHOLE_STEM),
    (
        stems_agree,
        {**sample("routers/deps.py"), **sample("routers/_etags.py"), **sample("routers/__init__.py")},
    ),
    (files_are_short, sample("services/rooms.py", "x = 1\n" * 500)),
    (functions_are_short, sample("services/rooms.py", "def f():\n" + "    x = 1\n" * 59)),
    (only_the_session_commits, sample("core/db/session.py", "await session.commit()")),
    (only_the_session_commits, sample("jobs/runner.py", "await session.commit()")),
    (the_database_tells_the_time, sample("core/clock.py", "datetime.now(UTC)")),
    (the_database_tells_the_time, sample("services/rooms.py", "await clock.now(session)")),
    (outside_libraries_keep_their_place, sample("core/signing.py", "from jose import jwt")),
    (
        outside_libraries_keep_their_place,
        sample("core/passwords/__init__.py", "from passlib.hash import argon2"),
    ),
    (outside_libraries_keep_their_place, sample("main.py", "from fastapi import FastAPI")),
    (outside_libraries_keep_their_place, sample("services/rooms.py", "from sqlalchemy import select")),
    (
        text_names_no_machine,
        {"README.md": "GET /v1/me/home is one call; data is in .portal/work/x; /etc/ssl"},
    ),
]


@pytest.mark.parametrize(("rule", "files"), BROKEN)
def test_rule_complains_when_it_is_broken(rule: Rule, files: Sources) -> None:
    assert len(rule(files)) == 1


@pytest.mark.parametrize(("rule", "files"), ALLOWED)
def test_rule_lets_pass_what_is_right(rule: Rule, files: Sources) -> None:
    assert rule(files) == []
