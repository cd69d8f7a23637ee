"""Who makes the demo: the owner, over the API, with the mail that it sends."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI

from portal_api.cli.demo_logins import CLIENT, OWNER, Logins
from portal_api.core.config import Settings
from portal_api.integrations.mail import development_mailbox
from portal_api.jobs import work
from portal_api.main import create_app

_TOKEN = re.compile(r"#token=([A-Za-z0-9._-]+)")


class Refused(Exception):
    """A step was answered with something else than success."""


@dataclass
class Gardener:
    app: FastAPI
    http: httpx.AsyncClient
    passwords: dict[str, str]
    token: str = ""
    """The owner's, once signed in."""

    async def sign_in(self, practice_id: str) -> None:
        body = {"practice": practice_id, "email": OWNER, "password": self.passwords[OWNER]}
        answer = await self.send("POST", "/v1/auth/login", body, key=None)
        self.token = answer["access_token"]

    async def client(self) -> dict[str, Any]:
        (client,) = (await self.send("GET", f"/v1/clients?q={CLIENT}"))["data"]
        return dict(client)

    async def send(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        key: str | None = "once",
        file: tuple[str, bytes] | None = None,
    ) -> dict[str, Any]:
        """Ask the API as the owner; with a file, the body is the fields of its form. Raises Refused."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if method == "POST" and key:
            headers["Idempotency-Key"] = f"demo-{key}-{path.strip('/').replace('/', '-')}"
        sent: dict[str, Any] = {"json": body} if file is None else {"data": body, "files": {"file": file}}
        answer = await self.http.request(method, path, headers=headers, **sent)
        if not answer.is_success:
            raise Refused(f"{method} {path} answered {answer.status_code} {_code(answer)}")
        return answer.json() if answer.content else {}

    async def mailed_token(self, address: str) -> str:
        """The secret in the newest mail to the address."""
        await self.deliver()
        mailbox = development_mailbox(self.app.state.tools.settings)
        for mail in mailbox.list() if mailbox else ():
            if address in mail.to and (found := _TOKEN.search(mail.text)):
                return found[1]
        raise Refused(f"no mail with a link has reached {address}")

    async def deliver(self) -> None:
        """Do what waits in the queue now; no worker runs yet."""
        await work(self.app.state.tools, asyncio.Event(), wait=False)


@asynccontextmanager
async def at_work(settings: Settings, logins: Logins) -> AsyncIterator[Gardener]:
    app = create_app(settings)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=settings.public_url) as http,
    ):
        yield Gardener(app, http, logins.passwords)


def _code(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("code", ""))
    except ValueError:
        return ""
