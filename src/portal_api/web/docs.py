"""The documentation page: Swagger UI from our own files, without the internet and under a strict policy."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

_FILES = Path(__file__).parent / "static" / "swagger"
# Swagger UI styles its own elements and draws icons as data: URLs; scripts come from files alone.
_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Portal API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<script src="/docs/assets/swagger-ui-bundle.js" defer></script>
<script src="/docs/assets/start.js" defer></script>
</head>
<body><div id="swagger-ui"></div></body>
</html>
"""


def install_docs(app: FastAPI) -> None:
    """Serves `/docs` and its files; make `app` with openapi_url=None, so that FastAPI's own page is off."""
    app.mount("/docs/assets", StaticFiles(directory=_FILES), name="docs_assets")
    app.add_route("/docs", _show_docs, include_in_schema=False)


async def _show_docs(_request: object) -> HTMLResponse:
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})
