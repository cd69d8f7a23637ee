"""Documents that are written from the code, and kept in the repository to be read."""

import os
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def assert_checked_in(name: str, text: str) -> None:
    """The document is what the code says. With PORTAL_WRITE_DOCS=1 in the environment it is written anew."""
    path = DOCS / name
    if os.environ.get("PORTAL_WRITE_DOCS") == "1":
        path.write_text(text)
    assert path.exists() and path.read_text() == text, f"docs/{name} is old: run the tests with PORTAL_WRITE_DOCS=1"
