"""What the README tells people to type works, in the order in which it stands there."""

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


def test_every_setting_is_described_with_its_default() -> None:
    rows = dict(re.findall(r"^\| (`PORTAL_[^|]+) \| ([^|]+) \|", README.read_text(), re.MULTILINE))
    described = {name for row in rows for name in re.findall(r"PORTAL_([A-Z_]+)", row)}
    missing = {name.upper() for name in Settings.model_fields} - described
    assert missing == {"STORAGE_URL"}
    assert f"`{Settings.model_fields['mail_from'].default}`" in rows["`PORTAL_MAIL_FROM`"]
