"""Writes the table of error codes into docs/errors.md."""

from pathlib import Path

import portal_api.main  # noqa: F401 - declares every error
from portal_api.web.error_page import errors_table

PAGE = Path(__file__).parents[1] / "docs" / "errors.md"
BEGIN, END = "<!-- codes: begin -->\n", "\n<!-- codes: end -->"

text = PAGE.read_text()
PAGE.write_text(text.split(BEGIN)[0] + BEGIN + errors_table() + END + text.split(END)[1])
