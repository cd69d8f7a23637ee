"""A mail server that a test can wait at."""

import asyncio
import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

from aiosmtpd.smtp import SMTP

from tests.patience import PATIENCE

_TOKEN = re.compile(r"#token=([A-Za-z0-9._-]+)")
_LINK = re.compile(r"https?://\S+#token=\S+")


class Postbox:
    """Receives over SMTP on a loopback port and keeps what it got."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self._arrival = asyncio.Condition()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "Postbox":
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: SMTP(self, enable_SMTPUTF8=True), "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"smtp://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        async with self._arrival:
            self.mails.append(cast(EmailMessage, message_from_bytes(envelope.content, policy=default)))
            self._arrival.notify_all()
        return "250 kept"

    async def text(self, to: str, *, number: int = 1) -> str:
        """The text of the `number`-th mail to the address, as soon as it is there."""
        async with asyncio.timeout(PATIENCE), self._arrival:
            await self._arrival.wait_for(lambda: len(self._to(to)) >= number)
        body = self._to(to)[number - 1].get_body(("plain",))
        assert body is not None, "every mail has a text part"
        return str(body.get_content())

    async def token(self, to: str, *, number: int = 1) -> str:
        """The secret in the link of that mail."""
        return _TOKEN.findall(await self.text(to, number=number))[0]

    async def link(self, to: str, *, number: int = 1) -> str:
        return _LINK.findall(await self.text(to, number=number))[0]

    def _to(self, address: str) -> list[EmailMessage]:
        return [mail for mail in self.mails if address in str(mail["To"])]
