"""Benchmarks: ratios side by side in one run. `make bench`."""

import sys

# Tools of the tests and linters, which no deployment has (requirements/runtime.txt): httpx loads them where they are.
for _tool in ("pygments", "rich"):
    sys.modules[_tool] = None  # type: ignore[assignment]
