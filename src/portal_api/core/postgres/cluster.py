"""A database cluster on disk: made once, private to its account, listening on loopback only."""

import secrets
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from portal_api.core.postgres.account import Account
from portal_api.core.postgres.binaries import Binaries
from portal_api.core.postgres.errors import explained
from portal_api.core.postgres.private import write_private

HOST = "127.0.0.1"
SUPERUSER = "postgres"

# Bound values and the DETAIL of a violated constraint are personal data, and this log is no place for them.
# A container's /dev/shm is small, and a killed server would leave files there: hence mmap.
SETTINGS = (
    f"listen_addresses={HOST}",
    "unix_socket_directories=",
    "dynamic_shared_memory_type=mmap",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_parameter_max_length=0",
    "log_parameter_max_length_on_error=0",
    "log_error_verbosity=terse",
)


@dataclass(frozen=True)
class Postmaster:
    """What a running server writes about itself in `postmaster.pid`; a killed one leaves it behind."""

    pid: int
    port: int
    status: str


@dataclass(frozen=True)
class Cluster:
    """The files of one server, all of them in the directory `home`."""

    home: Path

    @property
    def data(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.home / "cluster"

    @property
    def log(self) -> Path:
        """What the server has to say."""
        return self.home / "server.log"

    @property
    def exists(self) -> bool:
        """Whether there is a complete cluster: one appears only after initdb has ended well."""
        return (self.data / "PG_VERSION").is_file()

    @property
    def major(self) -> int:
        """The major version that made the cluster."""
        return int((self.data / "PG_VERSION").read_text())

    def create(self, account: Account, binaries: Binaries, *extra: str) -> None:
        """Run initdb with a new superuser password; one that was interrupted is begun anew."""
        partial = self.home / "cluster.new"
        shutil.rmtree(partial, ignore_errors=True)
        write_private(self.home / "password", secrets.token_urlsafe(32))
        newer = ("--locale-provider=builtin", "--set=dynamic_shared_memory_type=mmap")
        made = account.run(
            binaries["initdb"],
            f"--pgdata={partial}",
            f"--username={SUPERUSER}",
            f"--pwfile={self.home / 'password'}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            *(newer if binaries.major >= 17 else ()),
            "--locale=C.UTF-8",
            "--data-checksums",
            *extra,
        )
        if made.returncode:
            raise explained("A new database could not be made", made.stdout, self.home)
        partial.rename(self.data)

    def dsn(self, port: int) -> str:
        """The superuser's URL; the password needs no quoting."""
        password = (self.home / "password").read_text()
        return f"postgresql://{SUPERUSER}:{password}@{HOST}:{port}/postgres"

    def postmaster(self) -> Postmaster | None:
        """The server that runs here, or ran here last and was killed; None if it ended well or never was."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return None
        # The file grows line by line while a server starts.
        if len(lines) < 4 or not lines[3]:
            return None
        return Postmaster(int(lines[0]), int(lines[3]), lines[7].strip() if len(lines) > 7 else "starting")


def free_port(wanted: int | None = None) -> int:
    """The wanted port if nothing listens there, else a free one that the system picks."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted or 0))
        except OSError:
            if not wanted:
                raise
            return free_port()
        return probe.getsockname()[1]
