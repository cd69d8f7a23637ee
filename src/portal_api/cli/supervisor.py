"""Several processes behind one socket: import, then fork, so that they share what was loaded."""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from portal_api.cli.console import CannotStart, progress, warning

SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGALRM}
STOP_SECONDS = 45  # twice the drain: requests first, then jobs
RESTART_PAUSE = 1.0
RunChild = Callable[[int, Callable[[], None], int], None]


@dataclass(frozen=True, slots=True)
class Child:
    index: int
    pid: int
    ready: int
    """Readable once it accepts connections; at its end when it died before."""


class Supervisor:
    """Keeps `count` children alive until told to stop.

    run: `run(index, ready, lifeline)` is a child's whole life. It calls `ready` when it accepts connections,
    and ends when the lifeline does. Fork only from a process without threads and without an event loop.
    """

    def __init__(self, count: int, run: RunChild) -> None:
        self._count = count
        self._run = run
        self._children: dict[int, Child] = {}
        self._stopping = False
        self._lifeline, self._alive = os.pipe()

    def supervise(self, on_ready: Callable[[], None]) -> int:
        """Start all, call `on_ready` when all accept connections, restart what dies; the exit status."""
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # an ignored signal may be lost while it is blocked
        for index in range(self._count):
            self._start(index)
        if all(_became_ready(child) for child in self._children.values()):
            on_ready()
        else:
            warning("A worker did not start; the reason stands above.")
            self._stop()
            return self._watch() or 1
        return self._watch()

    def _watch(self) -> int:
        """Until the last child is gone."""
        while self._children:
            match signal.sigwait(SIGNALS):
                case signal.SIGCHLD:
                    self._reap()
                case signal.SIGALRM:
                    self._signal_all(signal.SIGKILL)
                case _:
                    self._stop()
        return 0

    def _stop(self) -> None:
        self._stopping = True
        signal.alarm(STOP_SECONDS)
        self._signal_all(signal.SIGTERM)

    def _signal_all(self, number: signal.Signals) -> None:
        for pid in self._children:
            os.kill(pid, number)

    def _reap(self) -> None:
        """Take leave of all that ended (one signal may stand for several) and put others in their place."""
        for pid in list(self._children):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended:
                continue
            child = self._children.pop(pid)
            os.close(child.ready)
            if not self._stopping:
                reason = os.waitstatus_to_exitcode(status)
                progress(f"Worker {child.index + 1} (process {pid}) ended with {reason}: starting another")
                time.sleep(RESTART_PAUSE)
                self._start(child.index)

    def _start(self, index: int) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        ready, said = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(ready)
            self._live(index, said)
        os.close(said)
        self._children[pid] = Child(index, pid, ready)

    def _live(self, index: int, said: int) -> None:
        """A child's life. It never returns: what the parent opened is the parent's to close."""
        status = 1
        try:
            os.close(self._alive)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            self._run(index, lambda: _say(said), self._lifeline)
            status = 0
        except CannotStart as error:
            warning(str(error))
        except SystemExit as error:
            status = error.code if isinstance(error.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)


def _say(pipe: int) -> None:
    os.write(pipe, b"1")
    os.close(pipe)


def _became_ready(child: Child) -> bool:
    return os.read(child.ready, 1) == b"1"
