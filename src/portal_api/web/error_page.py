"""Every error code that the API can answer with, on a page of its own: where a problem's `type` points to."""

from collections.abc import Iterator
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from portal_api.core.errors import AppError

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
_STYLE = "body{font:16px/1.5 sans-serif;margin:2rem auto;max-width:60rem}td,th{text-align:left;padding:.3rem .8rem}"


def catalogue() -> list[tuple[int, str, str]]:
    """Status, code and title of every declared error, sorted."""
    ours = (error for error in _declared(AppError) if error.__module__.startswith("portal_api."))
    found = {(error.status, error.code, error.title) for error in ours}
    return sorted(found | {(405, "method_not_allowed", "This method is not allowed here")})


def errors_table() -> str:
    """The catalogue as the Markdown table of docs/errors.md."""
    rows = [f"| {status} | `{code}` | {title} |" for status, code, title in catalogue()]
    return "\n".join(["| status | code | meaning |", "| --- | --- | --- |", *rows])


def _declared(error: type[AppError]) -> Iterator[type[AppError]]:
    yield error
    for child in error.__subclasses__():
        yield from _declared(child)


async def show_errors(_request: Request) -> HTMLResponse:
    rows = "".join(
        f'<tr id="{escape(code)}"><td>{status}</td><td><code>{escape(code)}</code></td><td>{escape(title)}</td></tr>'
        for status, code, title in catalogue()
    )
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Errors of the Portal API</title>'
        f"<style>{_STYLE}</style></head><body><h1>Errors</h1>"
        f"<table><thead><tr><th>Status</th><th>Code</th><th>Meaning</th></tr></thead><tbody>{rows}</tbody></table>"
        f"</body></html>"
    )
    return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})


ROUTE = Route("/docs/errors", show_errors)
