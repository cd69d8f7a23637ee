"""A server for tests: in memory, fast, not durable, and gone with the process that asked for it."""

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from portal_api.core.postgres.account import Account, choose
from portal_api.core.postgres.binaries import Binaries, find_binaries
from portal_api.core.postgres.cluster import SETTINGS, Cluster, free_port
from portal_api.core.postgres.errors import explained, explaining

_MEMORY = Path("/dev/shm")  # noqa: S108
_ROOM_BYTES = 2**30
_START_SECONDS = 60
_TAKEN = "Address already in use"  # by whoever was faster to listen on the port that was free
_FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=200")

# Ends when its standard input does, which is when the test process is gone, however it went.
_JANITOR = """
read -r _
n=0; while [ -e "$1/cluster/postmaster.pid" ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done
rm -rf "$1"
"""


@contextmanager
def throwaway_cluster() -> Generator[str]:
    """A new cluster for the time of the block; the superuser's URL.

    Enter it from a thread that lives as long as the block: on Linux the server ends with that thread, so
    that a killed process leaves neither a server nor files. Raises EmbeddedPostgresError.
    """
    cluster = Cluster(Path(tempfile.mkdtemp(prefix="portal-postgres-", dir=_fast_directory())))
    with (
        explaining("A database for the tests cannot be had", cluster.home),
        _removed_at_the_end(cluster.home),
    ):
        account, binaries = choose(find_binaries(), cluster.home)
        cluster.create(account, binaries, "--no-sync")
        with _served(cluster, account, binaries) as port:
            yield cluster.dsn(port)


def _fast_directory() -> Path | None:
    # A container's /dev/shm often has 64 MB only.
    roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM_BYTES
    return _MEMORY if roomy else None


@contextmanager
def _removed_at_the_end(home: Path) -> Generator[None]:
    janitor = subprocess.Popen(  # noqa: S603
        ["/bin/sh", "-c", _JANITOR, "sh", str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        janitor.communicate()


@contextmanager
def _served(cluster: Cluster, account: Account, binaries: Binaries) -> Generator[int]:
    while True:
        port = free_port()
        server = _spawned(cluster, account, binaries, port)
        try:
            if _gets_ready(cluster, server):
                yield port
                return
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(timeout=_START_SECONDS)
        output = cluster.log.read_text(errors="replace")
        if _TAKEN not in output:
            raise explained("A database for the tests does not start", output, cluster.home)


def _spawned(cluster: Cluster, account: Account, binaries: Binaries, port: int) -> subprocess.Popen[bytes]:
    settings = [word for setting in (*SETTINGS, *_FAST, f"port={port}") for word in ("-c", setting)]
    # Set by a program that then becomes the server: a change of account would clear it again.
    setpriv = shutil.which("setpriv")
    dies_with_parent = (setpriv, "--pdeathsig", "INT") if setpriv else ()
    with cluster.log.open("wb") as log:
        return account.spawn(*dies_with_parent, binaries["postgres"], "-D", cluster.data, *settings, output=log)


def _gets_ready(cluster: Cluster, server: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while not ((state := cluster.postmaster()) and state.status == "ready"):
        if server.poll() is not None or time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
