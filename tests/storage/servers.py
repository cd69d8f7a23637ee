"""S3-compatible servers as programs of their own: one that checks signatures, and one that is another's work."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.patience import PATIENCE

KEY, SECRET, BUCKET = "portalkey", "portal/secret+12345", "portal-files"
READY = "running on"
"""What both say once they answer."""


@contextmanager
def nanio(directory: Path) -> Iterator[str]:
    """The address of a server that refuses whoever does not sign with KEY and SECRET."""
    (directory / BUCKET).mkdir(parents=True)
    port = _free_port()
    options = ("--data-dir", str(directory), "--host", "127.0.0.1", "--port", str(port), "--no-access-log")
    with _running("nanio", "serve", *options, NANIO_ACCESS_KEY=KEY, NANIO_SECRET_KEY=SECRET):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def ministack(directory: Path) -> Iterator[str]:
    port = _free_port()
    with _running("ministack", GATEWAY_PORT=str(port), BIND_HOST="127.0.0.1", SERVICES="s3", HOME=str(directory)):
        address = f"http://127.0.0.1:{port}"
        httpx.put(f"{address}/{BUCKET}", timeout=PATIENCE).raise_for_status()
        yield address


def url_of(address: str, key: str = KEY, secret: str = SECRET, prefix: str = "one") -> str:
    """PORTAL_STORAGE_URL of a bucket of the server."""
    quoted = secret.replace("/", "%2F").replace("+", "%2B")
    return f"s3://{key}:{quoted}@{BUCKET}/{prefix}?endpoint={address}&region=us-east-1"


@contextmanager
def _running(program: str, *arguments: str, **environment: str) -> Iterator[None]:
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    with subprocess.Popen(
        command, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            said = []
            for line in process.stdout:
                said.append(line)
                if READY in line.lower():
                    break
            else:
                raise AssertionError(f"{program} did not start: {''.join(said)}")
            yield
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
