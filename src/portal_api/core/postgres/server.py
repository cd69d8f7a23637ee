"""The embedded server of one data directory: start it, share it, stop it."""

import fcntl
import os
import signal
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import IO

import psycopg

from portal_api.core.postgres.account import Account, choose
from portal_api.core.postgres.binaries import Binaries, find_binaries, system_binaries
from portal_api.core.postgres.cluster import SETTINGS, Cluster, Postmaster, free_port
from portal_api.core.postgres.errors import EmbeddedPostgresError, explained, explaining
from portal_api.core.postgres.private import locked, open_private, turn, write_private

_START_SECONDS = 600  # crash recovery of a large database; a small one takes less than one
_STALE_SECONDS = 10  # until the children of a killed server are gone and reaped
_STOP_SECONDS = 60
_ALIVE = ("the database system is ", "too many clients", "connection slots are reserved")
_PASSING = ('"postmaster.pid" already exists', "is still in use", "Address already in use")


class EmbeddedPostgres:
    """The PostgreSQL server that lives in `data_dir/postgres`, shared by every process that starts it.

    Whoever comes first starts it, the others attach, and the last one to leave stops it: a command that
    ends early does not take the database from a server that came later. After a kill -9 the next `start`
    attaches to what still runs, or recovers. All methods block; call them before the event loop runs.

    `report` receives lines for the person at the keyboard.
    """

    def __init__(self, data_dir: Path, *, report: Callable[[str], None] = lambda line: None) -> None:
        self._data_dir = data_dir.absolute()
        self._cluster = Cluster(self._data_dir / "postgres")
        self._report = report
        self._in_use: IO[str] | None = None

    @property
    def version(self) -> int:
        """The major version of PostgreSQL, such as 18."""
        return self._binaries.major

    def start(self) -> str:
        """Start the server or attach to the running one; the superuser's URL.

        Raises EmbeddedPostgresError, whose message says what to do next.
        """
        home = self._cluster.home
        with explaining(f"The database in {home} cannot be used", home):
            self._make_home()
            with turn(home / "lock", self._say_waiting):
                self._refuse_foreign_cluster()
                port = self._running_port() or self._launch()
                self._enter()
                return self._cluster.dsn(port)

    def stop(self) -> None:
        """Leave the server, and stop it unless another process uses it. Does nothing before `start`."""
        if self._in_use is None:
            return
        home = self._cluster.home
        with (
            explaining("The database cannot be stopped", home),
            turn(home / "lock", self._say_waiting),
            self._in_use as in_use,
        ):
            self._in_use = None
            if locked(in_use, fcntl.LOCK_EX):
                self._shut_down()

    @cached_property
    def _binaries(self) -> Binaries:
        return find_binaries()

    def _say_waiting(self) -> None:
        self._report("Another process is starting or stopping the database: waiting for it")

    def _make_home(self) -> None:
        if not self._data_dir.exists():
            self._data_dir.mkdir(parents=True, exist_ok=True)
            # Root's directory lets the server's own account pass through, and see nothing.
            self._data_dir.chmod(0o711 if os.geteuid() == 0 else 0o700)
        self._cluster.home.mkdir(mode=0o700, exist_ok=True)
        self._cluster.home.chmod(0o700)

    def _refuse_foreign_cluster(self) -> None:
        cluster, version = self._cluster, self.version
        if not cluster.exists:
            return
        if cluster.major != version:
            fitting = next(map(str, system_binaries(cluster.major)), "the bin directory of that version")
            raise EmbeddedPostgresError(
                f"{cluster.data} was made by PostgreSQL {cluster.major}, and this is PostgreSQL {version}. "
                f"To go on with it, set PG_BIN to {fitting}. To move to {version}, write a dump "
                f"with the old one (pg_dumpall), move {cluster.home} away, start again and load the dump."
            )
        if not (cluster.home / "password").is_file():
            raise EmbeddedPostgresError(
                f"The database's password, {cluster.home / 'password'}, is missing. Put it back from a "
                f"backup; or, to begin with an empty database, move {cluster.home} away and start again."
            )

    def _running_port(self) -> int | None:
        deadline = time.monotonic() + _START_SECONDS
        while (server := self._cluster.postmaster()) and self._answers(server):
            if server.status == "ready":
                self._report(f"Using the PostgreSQL {self.version} that runs on port {server.port}")
                return server.port
            if time.monotonic() > deadline:
                raise self._failed(f"PostgreSQL (process {server.pid}) is {server.status} and does not get ready")
            time.sleep(0.1)
        return None

    def _answers(self, server: Postmaster) -> bool:
        """Whether the file is not just a remnant: only this cluster's server knows password and directory."""
        try:
            with psycopg.connect(self._cluster.dsn(server.port), connect_timeout=5) as connection:
                row = connection.execute("show data_directory").fetchone()
        except psycopg.OperationalError as error:
            return any(sign in str(error) for sign in _ALIVE)
        return row is not None and Path(row[0]).resolve() == self._cluster.data.resolve()

    def _launch(self) -> int:
        account, binaries = choose(self._binaries, self._cluster.home)
        if not self._cluster.exists:
            self._report(f"Making a new PostgreSQL {self.version} database in {self._cluster.home}")
            self._cluster.create(account, binaries)
        deadline = time.monotonic() + _STALE_SECONDS
        while True:
            port = self._choose_port()
            refusal = self._refusal(account, binaries, port)
            if not refusal:
                self._report(f"PostgreSQL {self.version} runs on port {port}")
                return port
            if time.monotonic() > deadline or not any(sign in refusal for sign in _PASSING):
                raise self._failed("PostgreSQL does not start", refusal)
            time.sleep(0.25)

    def _choose_port(self) -> int:
        memory = self._cluster.home / "port"
        remembered = memory.read_text() if memory.is_file() else ""
        wanted = int(remembered) if remembered.isdecimal() else None
        port = free_port(wanted)
        if port != wanted:
            if wanted:
                self._report(f"Port {wanted} is taken by another program: the database moves to port {port}")
            write_private(memory, str(port))
        return port

    def _refusal(self, account: Account, binaries: Binaries, port: int) -> str:
        """Start the server and wait until it is ready; nothing, or what it says if it does not get there."""
        log, settings = self._cluster.log, (*SETTINGS, f"port={port}")
        said_before = log.stat().st_size if log.exists() else 0
        started = account.run(
            *(binaries["pg_ctl"], "start", "-w", "-t", str(_START_SECONDS), "-s"),
            *("-D", self._cluster.data, "-l", log),
            *("-o", " ".join(f"-c {setting}" for setting in settings)),
        )
        if not started.returncode:
            return ""
        return started.stdout + _text_after(said_before, log)

    def _enter(self) -> None:
        if self._in_use is None:
            self._in_use = open_private(self._cluster.home / "in-use")
            fcntl.flock(self._in_use, fcntl.LOCK_SH)

    def _shut_down(self) -> None:
        server = self._cluster.postmaster()
        if server is None or not self._answers(server):
            return
        os.kill(server.pid, signal.SIGINT)  # a fast shutdown: open transactions are rolled back
        deadline = time.monotonic() + _STOP_SECONDS
        while self._cluster.postmaster():
            if time.monotonic() > deadline:
                raise self._failed(f"PostgreSQL (process {server.pid}) does not end")
            time.sleep(0.02)

    def _failed(self, what: str, output: str = "") -> EmbeddedPostgresError:
        return explained(what, output, self._cluster.home)


def _text_after(position: int, log: Path) -> str:
    if not log.exists():
        return ""
    with log.open(errors="replace") as lines:
        lines.seek(position)
        return lines.read()
