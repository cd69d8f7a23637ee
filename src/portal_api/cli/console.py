"""What a person at the keyboard sees: results on standard output, progress and errors on standard error."""

import sys


class CannotStart(Exception):
    """The command cannot do its work; the message says what happened and what to do next."""


def progress(line: str) -> None:
    """One step that has begun or been done."""
    print(f"  {line}", file=sys.stderr, flush=True)


def warning(line: str) -> None:
    print(f"  WARNING: {line}", file=sys.stderr, flush=True)


def result(line: str = "") -> None:
    """What was asked for; a script may read it."""
    print(line, flush=True)
