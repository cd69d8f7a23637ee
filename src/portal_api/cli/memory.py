"""What a process gives back, and what processes share."""

import ctypes
import gc
import sys
from importlib import import_module

from sqlalchemy.orm import configure_mappers

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of malloc.h
_LARGE_BYTES = 1_000_000
_COLLECT = (10_000, 20, 20)
"""Objects more than freed, then collections of the younger generation, before a generation is collected."""


def return_large_blocks() -> None:
    """Have glibc give blocks like those of argon2 (19 MiB) back to the system each time they are freed.

    Left alone it raises its threshold at the first such block and keeps one for every thread. Elsewhere than
    on glibc nothing happens.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)


def load_for_good(processes: int = 1) -> None:
    """Load what the first requests would; the collector then leaves alone what is there, so forks can share it.

    It also comes less often: what a request leaves behind is nearly always freed by counting.
    """
    configure_mappers()
    if processes > 1:
        import_module("zxcvbn")  # 12 MB of words, which one process alone may never need
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT)
