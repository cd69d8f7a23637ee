"""Heavy work in threads of its own that lets requests go first."""

import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_BUSY = 0.6
"""The share of a core that the event loop uses when it has nothing to spare."""
_SHARE = 0.15
"""How much of its time a thread works while the event loop is busy."""
_LONGEST_PAUSE = 0.5
_NICENESS = 19

T = TypeVar("T")


class CourteousPool:
    """Threads that work at the lowest priority, and pause between two pieces of work while the event loop is busy.

    Priority alone is not enough: each sign-in that is hashed ends in work on the event loop. A result never waits
    for a pause, and where the event loop has time to spare there is none.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name, initializer=_give_way)
        self._turn = threading.local()

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Called on the event loop's thread, which is the one to be courteous to."""
        return self._pool.submit(self._run, work, threading.get_ident())

    def shutdown(self) -> None:
        """Finish what runs, drop what waits."""
        self._pool.shutdown(cancel_futures=True)

    def _run(self, work: Callable[[], T], loop_thread: int) -> T:
        time.sleep(max(0.0, getattr(self._turn, "comes_at", 0.0) - time.monotonic()))
        started, used = time.monotonic(), _cpu_seconds(loop_thread)
        try:
            return work()
        finally:
            ended = time.monotonic()
            self._turn.comes_at = ended + pause_after(ended - started, _cpu_seconds(loop_thread) - used)


def pause_after(took: float, loop_used: float) -> float:
    """Seconds to wait after work of `took` seconds, in which the event loop used `loop_used` seconds of CPU."""
    return min(_LONGEST_PAUSE, took * (1 / _SHARE - 1)) if loop_used > _BUSY * took else 0.0


def _give_way() -> None:
    if sys.platform == "linux":  # where a thread has a priority of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


def _cpu_seconds(thread: int) -> float:
    """What the thread has computed so far; nothing where the system does not tell."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return 0.0
    return time.clock_gettime(time.pthread_getcpuclockid(thread))
