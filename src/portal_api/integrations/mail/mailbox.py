"""The development mailbox: a real SMTP server that keeps what it is sent, one file a message."""

import asyncio
import re
import secrets
import time
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

ID = re.compile(r"[0-9]{20}-[0-9a-f]{8}")
KEPT = 500
MAX_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class StoredMail:
    """A message as a person would read it."""

    id: str
    to: str
    sender: str
    subject: str
    sent_at: datetime | None
    text: str
    html: str | None


class DevelopmentMailbox:
    """
    Messages under `directory`, the newest `keep` of them.

    Any process may read; a process that wants to receive starts a server of its own.
    """

    def __init__(self, directory: Path, *, keep: int = KEPT) -> None:
        self.directory = directory
        self.keep = keep
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Where this process receives, as an SMTP URL."""
        if self._server is None:
            raise RuntimeError("the mailbox has not been started")
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"smtp://{host}:{port}"

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Receive on the host and port, any free one by default. Raises RuntimeError without aiosmtpd."""
        try:
            from aiosmtpd.smtp import SMTP  # only where mail is kept: an optional dependency
        except ImportError as error:
            message = "the development mailbox needs aiosmtpd: pip install 'portal-api[embedded]'"
            raise RuntimeError(f"{message}, or set PORTAL_SMTP_URL") from error

        def protocol() -> asyncio.Protocol:
            receiver = _Receiver(self)
            return SMTP(receiver, enable_SMTPUTF8=True, data_size_limit=MAX_BYTES, hostname="localhost")

        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._server = await asyncio.get_running_loop().create_server(protocol, host, port)

    async def stop(self) -> None:
        """Receive no more."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def list(self) -> list[StoredMail]:
        """All messages, newest first."""
        found = (self.get(path.stem) for path in sorted(self.directory.glob("*.eml"), reverse=True))
        return [mail for mail in found if mail]

    def get(self, id: str) -> StoredMail | None:
        """The message, or None if there is none with this id (any more)."""
        if not ID.fullmatch(id):
            return None
        try:
            content = (self.directory / f"{id}.eml").read_bytes()
        except FileNotFoundError:
            return None
        return _read(id, content)

    def keep_message(self, content: bytes) -> None:
        """Store a message in one step, so that no reader sees half of it, and drop the oldest."""
        name = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
        unfinished = self.directory / f"{name}.part"
        unfinished.touch(mode=0o600)
        unfinished.write_bytes(content)
        unfinished.rename(unfinished.with_suffix(".eml"))
        for path in sorted(self.directory.glob("*.eml"))[: -self.keep]:
            path.unlink(missing_ok=True)


class _Receiver:
    def __init__(self, mailbox: DevelopmentMailbox) -> None:
        self.mailbox = mailbox

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        await asyncio.to_thread(self.mailbox.keep_message, envelope.content)
        return "250 kept"


def _read(id: str, content: bytes) -> StoredMail:
    message = cast(EmailMessage, message_from_bytes(content, policy=default))
    date = message["Date"]
    return StoredMail(
        id=id,
        to=str(message["To"] or ""),
        sender=str(message["From"] or ""),
        subject=str(message["Subject"] or "").strip(),
        sent_at=date.datetime if date else None,
        text=_part(message, "plain") or "",
        html=_part(message, "html"),
    )


def _part(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body((kind,))
    if part is None:
        return None
    try:
        return str(part.get_content()).replace("\r\n", "\n")
    except LookupError:  # a character set that nobody knows
        return cast(bytes, part.get_payload(decode=True)).decode("ascii", "replace")
