"""The table of goals: what was asked, what was measured."""

import os
import platform
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

RESULTS = Path(__file__).with_name("RESULTS.md")


@dataclass(frozen=True, slots=True)
class Line:
    what: str
    goal: str
    value: str
    ok: bool | None
    """None: nothing to judge, or not measured."""


@dataclass(slots=True)
class Report:
    lines: list[Line] = field(default_factory=list)

    def goal(self, what: str, value: float, sign: Literal[">=", "<="], limit: float, unit: str = "") -> None:
        met = value >= limit if sign == ">=" else value <= limit
        self._add(Line(what, f"{sign} {limit:g}{unit}", f"{value:.3g}{unit}", met))

    def say(self, what: str, value: str) -> None:
        self._add(Line(what, "", value, None))

    def _add(self, line: Line) -> None:
        self.lines.append(line)
        print(f"  {_mark(line):4} {line.what}: {line.value} {line.goal and f'(goal {line.goal})'}", flush=True)

    def write(self, setting: str) -> None:
        rows = [f"| {line.what} | {line.goal} | {line.value} | {_mark(line)} |" for line in self.lines]
        text = [
            "# The last run of `make bench`",
            "",
            f"{datetime.now(UTC):%Y-%m-%d}. {_machine()} {setting}",
            "",
            "Ratios are medians of ratios within one round; numbers of requests and milliseconds do not travel.",
            "",
            "| what | goal | value | |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
        ]
        RESULTS.write_text("\n".join(text))


def _mark(line: Line) -> str:
    return {True: "ok", False: "MISS", None: ""}[line.ok]


def _machine() -> str:
    busy = os.getloadavg()[0]
    return (
        f"{platform.machine()}, {os.cpu_count()} cores shared by the server, PostgreSQL and wrk;"
        f" CPython {platform.python_version()}; load average at the end {busy:.1f}."
    )
