"""The process that makes PDFs: papers as JSON on stdin, PDFs with their lengths on stdout. Imports typst, and it alone.

What people wrote reaches the template as data only, so it is never read as markup; the template's root is an empty
directory, no package is ever named, and the process has little memory and time.
"""

import json
import resource
import sys
import tempfile
from pathlib import Path
from typing import Any

import typst

MEMORY = 2 << 30
SECONDS = 20
_TEMPLATE = Path(__file__).with_name("paper.typ").read_bytes()


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    papers = json.load(sys.stdin.buffer)
    with tempfile.TemporaryDirectory() as root:
        for paper in papers:
            pdf = _pdf(paper, root)
            sys.stdout.buffer.write(len(pdf).to_bytes(8) + pdf)


def _pdf(paper: Any, root: str) -> bytes:
    """PDF/UA-1; where this machine has no font for a script that is in it, a tagged PDF that makes no such claim."""
    compile_: Any = typst.compile  # its stubs want one type for the template and for the root
    given = {"root": root, "sys_inputs": {"paper": json.dumps(paper)}}
    try:
        return compile_(_TEMPLATE, pdf_standards="ua-1", **given)
    except typst.TypstError:
        return compile_(_TEMPLATE, **given)


def _fail(kind: type[BaseException], _error: BaseException, _trace: object) -> None:
    """Of a mistake its class: the text could hold what the paper says."""
    sys.stderr.write(kind.__qualname__)


if __name__ == "__main__":
    sys.excepthook = _fail
    main()
