"""Real SMTP servers on loopback: one that keeps what it gets, and one that answers as it is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from portal_api.integrations.mail import DevelopmentMailbox


@dataclass
class Replies:
    """What the server says to RCPT and to DATA, and what it got."""

    rcpt: str = "250 OK"
    data: str = "250 OK"
    envelopes: list[Any] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if self.rcpt.startswith("2"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.envelopes.append(envelope)
        return self.data


@asynccontextmanager
async def serving(replies: Replies, **options: Any) -> AsyncIterator[str]:
    """The server's URL, as long as it runs."""
    loop = asyncio.get_running_loop()
    options = {"enable_SMTPUTF8": True, **options}
    server = await loop.create_server(lambda: SMTP(replies, **options), "127.0.0.1", 0)
    try:
        yield f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@pytest.fixture
async def mailbox(tmp_path: Path) -> AsyncIterator[DevelopmentMailbox]:
    mailbox = DevelopmentMailbox(tmp_path / "mailbox", keep=3)
    await mailbox.start()
    yield mailbox
    await mailbox.stop()
