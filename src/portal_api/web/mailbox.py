"""The development mailbox in the browser; the composition root adds it outside production only."""

import re
from dataclasses import asdict

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from portal_api.integrations.mail import DevelopmentMailbox

LINK = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?)\]]")
# The frame of a mail's HTML part inherits this: no script, no request, only its own inline styles.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def pieces(text: str) -> list[tuple[str, bool]]:
    """The text in order, cut into what is a web address (True) and what is not."""
    cut: list[tuple[str, bool]] = []
    end = 0
    for found in LINK.finditer(text):
        cut += [(text[end : found.start()], False), (found[0], True)]
        end = found.end()
    return [*cut, (text[end:], False)]


PAGES = Environment(loader=PackageLoader("portal_api.web", "pages"), autoescape=True, undefined=StrictUndefined)


def mailbox_routes(mailbox: DevelopmentMailbox) -> list[Route]:
    """`/dev/mailbox` and `/dev/mailbox/{id}` for people, `/dev/mailbox.json` for scripts."""

    # Not async: Starlette runs these in threads, as they read files.
    def show_all(request: Request) -> Response:
        return _page("mailbox.html", mails=mailbox.list())

    def show_one(request: Request) -> Response:
        mail = mailbox.get(request.path_params["id"])
        if mail is None:
            return HTMLResponse("No such message.", status_code=404, headers=HEADERS)
        return _page("mailbox_message.html", mail=mail, pieces=pieces(mail.text))

    def export(request: Request) -> Response:
        mails = [
            {**asdict(mail), "sent_at": mail.sent_at.isoformat() if mail.sent_at else None} for mail in mailbox.list()
        ]
        return JSONResponse({"data": mails}, headers=HEADERS)

    return [
        Route("/dev/mailbox", show_all, include_in_schema=False),
        Route("/dev/mailbox.json", export, include_in_schema=False),
        Route("/dev/mailbox/{id}", show_one, include_in_schema=False),
    ]


def _page(name: str, **values: object) -> HTMLResponse:
    return HTMLResponse(PAGES.get_template(name).render(values), headers=HEADERS)
