"""The program as an operator starts it: a process of its own, with settings in its environment."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
START_SECONDS = 120
STOP_SECONDS = 60


class DidNotStart(AssertionError):
    """The program ended before it was ready; the message is what it said."""


def environment(**settings: str) -> dict[str, str]:
    """This machine's environment without settings of ours, then these."""
    foreign = {name: value for name, value in os.environ.items() if not name.startswith(("PORTAL_", "PG"))}
    return foreign | {"PYTHONPATH": str(ROOT / "src")} | {f"PORTAL_{k.upper()}": v for k, v in settings.items()}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "portal_api.cli", *arguments]


def run(
    directory: Path, *arguments: str, stdin: str | None = None, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end. stdin: what is typed, or piped, into it."""
    settings = {"data_dir": str(directory / "data")} | settings
    return subprocess.run(
        command(*arguments),
        cwd=directory,
        env=environment(**settings),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )


@contextmanager
def worker(directory: Path, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """`portal-api worker` for the time of the block; it must end well when it is told to."""
    settings = {"data_dir": str(directory / "data")} | settings
    said = directory / "worker.log"
    with said.open("w") as log:
        process = subprocess.Popen(
            command("worker"), cwd=directory, env=environment(**settings), stderr=log, text=True, start_new_session=True
        )
    pause = threading.Event()
    while "The worker runs" not in said.read_text() and process.poll() is None:
        pause.wait(0.05)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        status = process.wait(STOP_SECONDS)
    assert status == 0, said.read_text()


class Server:
    """`portal-api serve` (or another command that says `ready <url>`) in a directory of its own.

    Use it as a context manager: at the end it is stopped, whatever happened.
    """

    def __init__(self, directory: Path, *arguments: str, **settings: str) -> None:
        self.directory = directory
        self.arguments = arguments or ("serve",)
        self.settings = {"data_dir": str(directory / "data")} | settings
        self.url = ""
        self.said: list[str] = []

    def __enter__(self) -> "Server":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.stop()

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text()

    def start(self) -> None:
        """Start and wait for `ready`. Raises DidNotStart."""
        with (self.directory / "log").open("a") as log:
            self.process = subprocess.Popen(
                command(*self.arguments, "--port", "0"),
                cwd=self.directory,
                env=environment(**self.settings),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        watchdog = threading.Timer(START_SECONDS, self.process.kill)
        watchdog.start()
        try:
            self._wait_until_ready()
        finally:
            watchdog.cancel()

    def _wait_until_ready(self) -> None:
        ready = threading.Event()
        self.url = ""
        # To the end, so that the process never blocks on a full pipe.
        self._reader = threading.Thread(target=self._read, args=(ready,))
        self._reader.start()
        ready.wait()
        if not self.url:
            raise DidNotStart(f"exit {self.wait()}: {self.log}")

    def _read(self, ready: threading.Event) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.said.append(line)
                if line.startswith("ready "):
                    self.url = line.split()[1]
                    ready.set()
        ready.set()

    def stop(self) -> int:
        """SIGTERM, then the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """kill -9, with whatever it has forked."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.wait()

    def wait(self) -> int:
        status = self.process.wait(STOP_SECONDS)
        self._reader.join()
        return status
