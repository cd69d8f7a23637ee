"""Servers as processes of their own, and what they cost."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from portal_api.core.postgres.cluster import free_port

_TICK = os.sysconf("SC_CLK_TCK")
_START_SECONDS = 60


class Server:
    """One application on a port of its own."""

    def __init__(self, name: str, environment: Mapping[str, str], log: Path, *, workers: int = 1) -> None:
        self.name = name
        self.port = free_port()
        started = time.perf_counter()
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bench.serve", name, str(self.port), str(workers)],
                env={**os.environ, **environment},
                stderr=output,
            )
        self._wait(log)
        self.ready_seconds = time.perf_counter() - started

    def _wait(self, log: Path) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5):
                    return
            except urllib.error.HTTPError:
                return  # the rivals have no such path, and say so
            except OSError:
                time.sleep(0.01)
        raise SystemExit(f"bench: {self.name} does not start\n{log.read_text(errors='replace')[-2000:]}")

    @property
    def pids(self) -> list[int]:
        return [self._process.pid, *children(self._process.pid)]

    def cpu(self) -> float:
        return cpu_seconds(self._process.pid)

    def stop(self) -> None:
        if self._process.poll() is not None:
            return
        for pid in reversed(self.pids):
            os.kill(pid, signal.SIGTERM)
        self._process.wait(timeout=30)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def cpu_seconds(pid: int) -> float:
    """User and system time of a process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICK


def memory_mb(pid: int) -> tuple[float, float]:
    """Proportional and unique set size, in MB."""
    found = {"Pss": 0, "Private_Clean": 0, "Private_Dirty": 0}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in found:
            found[name] = int(value.split()[0])
    return found["Pss"] / 1024, (found["Private_Clean"] + found["Private_Dirty"]) / 1024
