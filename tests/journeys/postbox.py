"""A mail server that a test can wait at."""

import asyncio
import re
import threading
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

from aiosmtpd.smtp import SMTP

from tests.patience import PATIENCE

_TOKEN = re.compile(r"#token=([A-Za-z0-9._-]+)")
_LINK = re.compile(r"https?://\S+#token=\S+")


class Postbox:
    """Receives over SMTP on a loopback port and keeps what it got.

    In a thread of its own: a worker that sends and is told to stop must get its answer while the test waits for it.
    """

    url: str

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self._arrival = threading.Condition()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self) -> "Postbox":
        self._thread.start()
        assert self._ready.wait(PATIENCE), "the mail server did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        server = await self._loop.create_server(lambda: SMTP(self, enable_SMTPUTF8=True), "127.0.0.1", 0)
        self.url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        async with server:
            await self._over.wait()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        with self._arrival:
            self.mails.append(cast(EmailMessage, message_from_bytes(envelope.content, policy=default)))
            self._arrival.notify_all()
        return "250 kept"

    async def text(self, to: str, *, number: int = 1) -> str:
        """The text of the `number`-th mail to the address, as soon as it is there."""
        return _text_of(await asyncio.to_thread(self._wait_for, to, number))

    async def saying(self, to: str, words: str) -> str:
        """The text of the first mail to the address with these words, as soon as it is there."""
        return await asyncio.to_thread(self._wait_for_words, to, words)

    def _wait_for_words(self, to: str, words: str) -> str:
        def found() -> list[str]:
            return [text for text in map(_text_of, self._to(to)) if words in text]

        with self._arrival:
            assert self._arrival.wait_for(found, PATIENCE), f"no mail to {to} about {words!r}"
            return found()[0]

    def _wait_for(self, to: str, number: int) -> EmailMessage:
        with self._arrival:
            assert self._arrival.wait_for(lambda: len(self._to(to)) >= number, PATIENCE), f"no mail {number} to {to}"
            return self._to(to)[number - 1]

    async def token(self, to: str, *, number: int = 1) -> str:
        """The secret in the link of that mail."""
        return _TOKEN.findall(await self.text(to, number=number))[0]

    async def link(self, to: str, *, number: int = 1) -> str:
        return _LINK.findall(await self.text(to, number=number))[0]

    def _to(self, address: str) -> list[EmailMessage]:
        return [mail for mail in self.mails if address in str(mail["To"])]


def _text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None, "every mail has a text part"
    return str(body.get_content())
