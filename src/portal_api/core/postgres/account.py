"""The account that PostgreSQL runs under: it refuses to be root."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from portal_api.core.postgres.binaries import Binaries
from portal_api.core.postgres.errors import ANOTHER_SERVER, EmbeddedPostgresError


@dataclass(frozen=True)
class Account:
    """How to run a program so that it is not root; `uid` and `gid` own its files, None means this user."""

    uid: int | None = None
    gid: int | None = None
    prefix: tuple[str, ...] = ()

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run to the end; standard output and standard error come back as one text."""
        return subprocess.run(  # noqa: S603
            [*self.prefix, *map(str, command)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            **self._surroundings(),
        )

    def spawn(self, *command: str | Path, output: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start as a direct child in a session of its own, so that Ctrl-C in a terminal does not reach it."""
        return subprocess.Popen(  # noqa: S603
            [*self.prefix, *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **self._surroundings(),
        )

    def own(self, tree: Path) -> None:
        """Make everything in the tree, and the tree, belong to this account; links are not followed."""
        if self.uid is None or self.gid is None:
            return
        for path in (tree, *tree.rglob("*")):
            if path.lstat().st_uid != self.uid:
                os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def can_use(self, binaries: Binaries, home: Path) -> bool:
        """Make `home` this account's; whether it can then write there, and run the programs."""
        return self.can_write(home) and self.succeeds(binaries["postgres"], "-V")

    def can_write(self, home: Path) -> bool:
        """Make the directory this account's; whether it can then reach it and write there."""
        if self.uid is not None and self.gid is not None:
            os.chown(home, self.uid, self.gid)
        return self.succeeds("test", "-w", str(home))

    def succeeds(self, *command: str) -> bool:
        """Whether the program can be started and ends well."""
        try:
            return self.run(*command).returncode == 0
        except PermissionError:
            return False

    def _surroundings(self) -> dict[str, Any]:
        # PG* variables of the caller must not reach the server.
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
        if libraries := os.environ.get("LD_LIBRARY_PATH"):
            environment["LD_LIBRARY_PATH"] = libraries
        surroundings: dict[str, Any] = {"cwd": "/", "env": environment}
        if self.uid:
            surroundings |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return surroundings


def owner_of(home: Path) -> Account:
    """The account that already owns `home`, and so runs the server that lives there."""
    if os.geteuid() != 0:
        return Account()
    owner = home.stat()
    return Account(owner.st_uid, owner.st_gid) if owner.st_uid else _mapped_root()


def choose(binaries: Binaries, home: Path) -> tuple[Account, Binaries]:
    """The account that will run the server and now owns `home`, and the programs as it can reach them.

    Changes nothing above `home`. Raises EmbeddedPostgresError when root finds no account that can get there.
    """
    if os.geteuid() != 0:
        return Account(), binaries
    for account, programs in _candidates(binaries, home):
        if account.can_use(programs, home):
            account.own(home)
            return account, programs
    raise EmbeddedPostgresError(
        f"PostgreSQL does not run as root, and the account 'nobody' cannot enter {home}. Start the program "
        f"as a normal user, choose a data directory below one that every user may enter, {ANOTHER_SERVER}."
    )


def _candidates(binaries: Binaries, home: Path) -> Iterator[tuple[Account, Binaries]]:
    owner, nobody, mapped = owner_of(home), _nobody(), _mapped_root()
    # A directory that a normal user made stays usable for that user.
    if owner not in (mapped, nobody):
        yield owner, binaries
    yield nobody, binaries
    if mapped.prefix:
        yield mapped, binaries
    if nobody.can_write(home):
        yield nobody, binaries.copied_into(home / "binaries")


def _nobody() -> Account:
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)


def _mapped_root() -> Account:
    """Root, seen as `nobody` from inside a user namespace: it still reaches what only root can enter."""
    unshare, nobody = shutil.which("unshare"), _nobody()
    names = (f"--map-user={nobody.uid}", f"--map-group={nobody.gid}")
    return Account(0, 0, (unshare, "--user", *names) if unshare else ())
