"""What the README tells people to type works, in the order in which it stands there."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from portal_api.core.config import Settings
from tests.journeys.server import ROOT, Server

README = ROOT / "README.md"
SCRIPT_SECONDS = 180
EMITTED = ROOT / "openapi" / "generated" / "emitted"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_walkthroughs_work_as_they_are_written(empty_database: Callable[[], str], tmp_path: Path) -> None:
    first, *rest = blocks("sh")
    assert rest
    settings = {"database_url": empty_database(), "open_registration": "true"}
    with Server(tmp_path, "serve", "--migrate", **settings) as server:
        first = re.sub(r"^API=.*$", f"API={server.url}", first, count=1, flags=re.MULTILINE)
        script = "\n".join(["set -euo pipefail", "shopt -s inherit_errexit", first, *rest])
        ended = subprocess.run(
            ["bash", "-c", script], capture_output=True, text=True, timeout=SCRIPT_SECONDS, check=False
        )
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]


def test_the_typescript_is_the_one_that_is_compiled() -> None:
    (shown,) = blocks("ts")
    compiled = (ROOT / "openapi" / "readme.ts").read_text()
    assert shown == compiled.replace("./generated/portal", "./portal").partition("\n")[2]


@pytest.mark.skipif(not shutil.which("npm"), reason="npm is not installed")
def test_the_typescript_runs_against_the_demo(tmp_path: Path) -> None:
    run("make", "openapi-packages", cwd=ROOT)
    run("npm", "run", "--silent", "emit", cwd=ROOT / "openapi")
    program = (EMITTED / "readme.js").read_text()
    with Server(tmp_path, "demo") as server:
        passwords = json.loads((tmp_path / "data" / "demo.json").read_text())["passwords"]
        for shown, real in (
            ("http://127.0.0.1:8000", server.url),
            ("printed by make run", passwords["owner@harbor.example"]),
        ):
            assert program.count(shown) == 1
            program = program.replace(shown, real)
        (EMITTED / "readme.mjs").write_text(program)
        assert run("node", "readme.mjs", cwd=EMITTED) == "[ 'Nell', 'Rosa' ]\n"


def run(*command: str, cwd: Path) -> str:
    """What the command prints; it must succeed."""
    ended = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=SCRIPT_SECONDS, check=False)
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    return ended.stdout


def test_every_setting_is_described_with_its_default() -> None:
    rows = dict(re.findall(r"^\| (`PORTAL_[^|]+) \| ([^|]+) \|", README.read_text(), re.MULTILINE))
    described = {name for row in rows for name in re.findall(r"PORTAL_([A-Z_]+)", row)}
    missing = {name.upper() for name in Settings.model_fields} - described
    assert missing == set()
    assert f"`{Settings.model_fields['mail_from'].default}`" in rows["`PORTAL_MAIL_FROM`"]
