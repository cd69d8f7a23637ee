"""The mailbox in the browser: hostile mail stays text, or behind the sandbox."""

from collections.abc import AsyncIterator
from html import unescape

import httpx
import pytest
from fastapi import FastAPI

from portal_api.integrations.mail import DevelopmentMailbox, Mail, SmtpMailer
from portal_api.web.mailbox import mailbox_routes

SCRIPT = '<script>alert("x")</script>'


@pytest.fixture
async def browser(mailbox: DevelopmentMailbox) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.router.routes.extend(mailbox_routes(mailbox))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://portal.example") as client:
        yield client


async def send(mailbox: DevelopmentMailbox, **changes: str) -> str:
    values = {"to": "jane@client.example", "subject": "Hello", "text": "Good day\n", **changes}
    await SmtpMailer(mailbox.url, "no-reply@portal.example").send(Mail(**values))
    return mailbox.list()[0].id


async def test_list_shows_the_newest_first_and_escapes(browser: httpx.AsyncClient, mailbox: DevelopmentMailbox) -> None:
    await send(mailbox, subject="First", sender_name=SCRIPT)
    await send(mailbox, subject=f"Second {SCRIPT}")
    page = await browser.get("/dev/mailbox")
    assert page.status_code == 200
    assert page.text.index("Second") < page.text.index("First")
    assert "<script" not in page.text
    assert unescape(page.text).count(SCRIPT) == 1


async def test_empty_list_says_so(browser: httpx.AsyncClient) -> None:
    assert "No message" in (await browser.get("/dev/mailbox")).text


async def test_message_shows_text_with_links_and_html_in_a_sandbox(
    browser: httpx.AsyncClient, mailbox: DevelopmentMailbox
) -> None:
    link = "https://portal.example/go?a=1&b=2#token=x.y"
    evil = f'"></iframe>{SCRIPT}'
    id = await send(mailbox, subject=SCRIPT, text=f"Go to\n{link}.\n{evil}\njavascript:alert(1)", html=evil)
    page = await browser.get(f"/dev/mailbox/{id}")
    assert f'<a href="{link.replace("&", "&amp;")}" rel=' in page.text
    assert "<script" not in page.text
    assert page.text.count("<iframe") == page.text.count("</iframe>") == 1
    assert '<iframe sandbox title="HTML part of the message" srcdoc="&#34;&gt;' in page.text
    assert 'href="javascript' not in page.text


@pytest.mark.parametrize("path", ["/dev/mailbox", "/dev/mailbox.json", "/dev/mailbox/unknown"])
async def test_every_answer_forbids_scripts_and_requests(browser: httpx.AsyncClient, path: str) -> None:
    headers = (await browser.get(path)).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "script" not in policy
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"


async def test_unknown_message_is_not_found(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/dev/mailbox/00000000000000000000-00000000")).status_code == 404


async def test_scripts_get_json(browser: httpx.AsyncClient, mailbox: DevelopmentMailbox) -> None:
    id = await send(mailbox, subject="Grüße")
    [mail] = (await browser.get("/dev/mailbox.json")).json()["data"]
    assert (mail["id"], mail["subject"], mail["text"], mail["html"]) == (id, "Grüße", "Good day\n", None)


async def test_broken_message_breaks_no_page(browser: httpx.AsyncClient, mailbox: DevelopmentMailbox) -> None:
    headers = b"Subject: =?nope?q?x?=\r\nContent-Type: text/plain; charset=nope\r\nDate: soon"
    mailbox.keep_message(headers + b"\r\n\r\n\xff")
    mailbox.keep_message(b"")
    id = mailbox.list()[1].id
    assert (await browser.get("/dev/mailbox")).status_code == 200
    assert (await browser.get(f"/dev/mailbox/{id}")).status_code == 200
    assert (await browser.get("/dev/mailbox.json")).status_code == 200


async def test_pages_are_no_part_of_the_contract(mailbox: DevelopmentMailbox) -> None:
    app = FastAPI()
    app.router.routes.extend(mailbox_routes(mailbox))
    assert app.openapi()["paths"] == {}
