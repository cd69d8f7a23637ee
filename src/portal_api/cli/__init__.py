"""The command line: `portal-api <command>`."""

import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from portal_api.cli.arguments import make_parser
from portal_api.cli.console import CannotStart

_COLLECT_WHILE_LOADING = (100_000, 50, 100)
"""Objects more than freed, then collections of the younger generation: what is imported stays, and looking is dear."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit status. Errors that a person can mend are one paragraph, without a traceback."""
    arguments = make_parser().parse_args(argv)
    os.umask(0o077)  # whatever the program writes holds health data or secrets
    gc.set_threshold(*_COLLECT_WHILE_LOADING)
    try:
        # Only the command that runs is imported: `health` must not pay for the application.
        status: int = import_module(f"portal_api.cli.{arguments.module}").run(arguments)
    except CannotStart as error:
        print(f"portal-api: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return status
