"""Load: wrk with a list of requests, one thread, a fixed number of connections."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CONNECTIONS = 32
SCRIPT = Path(__file__).with_name("load.lua")


@dataclass(frozen=True, slots=True)
class Call:
    """One request to send. `body` empty: none. `etag`: of the copy that is there already."""

    path: str
    token: str = ""
    method: str = "GET"
    body: str = ""
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Rate:
    """What came back: requests a second, latencies in milliseconds, answers of 400 and above, broken sockets."""

    requests: int
    rps: float
    p50: float
    p99: float
    refused: int
    broken: int


def require_wrk() -> None:
    if shutil.which("wrk") is None:
        raise SystemExit("bench: wrk is missing. Install it (Debian, Ubuntu: apt-get install wrk) and run again.")


class Load:
    """wrk under way; `result` waits for its end."""

    def __init__(self, port: int, calls: Sequence[Call], seconds: int, connections: int = CONNECTIONS) -> None:
        self._file = tempfile.NamedTemporaryFile("w", suffix=".tsv")  # noqa: SIM115 - closed with the result
        self._file.writelines(f"{c.method}\t{c.path}\t{c.token}\t{c.etag}\t{c.body}\n" for c in calls)
        self._file.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(SCRIPT)]
        self._process = subprocess.Popen(
            [*command, f"http://127.0.0.1:{port}", "--", self._file.name], stdout=subprocess.PIPE, text=True
        )

    def result(self) -> Rate:
        output, _ = self._process.communicate()
        self._file.close()
        facts = json.loads(next(line for line in output.splitlines() if line.startswith("{")))
        seconds = facts["us"] / 1e6
        return Rate(
            requests=facts["requests"],
            rps=facts["requests"] / seconds,
            p50=facts["p50"] / 1000,
            p99=facts["p99"] / 1000,
            refused=facts["refused"],
            broken=facts["broken"],
        )


def load(port: int, calls: Sequence[Call], seconds: int, connections: int = CONNECTIONS) -> Rate:
    return Load(port, calls, seconds, connections).result()
