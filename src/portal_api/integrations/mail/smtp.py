"""Sends mail over SMTP: one connection a message, and a clear word on what may be tried again."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

import aiosmtplib
from aiosmtplib import errors

from portal_api.core.config import LOOPBACK
from portal_api.integrations.mail.message import Mail, MailRefused, compose

PORTS = {"smtp": 25, "smtps": 465, "smtp+tls": 587}
ENHANCED_CODE = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail goes: `smtp://` in clear, `smtps://` over TLS, `smtp+tls://` with STARTTLS or not at all."""

    scheme: str
    host: str
    port: int
    username: str | None
    password: str | None

    @classmethod
    def parse(cls, url: str) -> "Server":
        """Raises ValueError for another scheme, no host, or a password that would travel in clear."""
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname:
            raise ValueError("the SMTP URL must be smtp://, smtps:// or smtp+tls://, with a host")
        if parts.username and parts.scheme == "smtp" and parts.hostname not in LOOPBACK:
            raise ValueError("smtp:// sends the password in clear: use smtps:// or smtp+tls://")
        return cls(
            scheme=parts.scheme,
            host=parts.hostname,
            port=parts.port or PORTS[parts.scheme],
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )


class SmtpMailer:
    """
    A Mailer over SMTP.

    url: see Server. sender: the address in From and in the envelope. timeout: seconds for each step.
    """

    def __init__(self, url: str, sender: str, *, timeout: float = 20.0) -> None:
        self.server = Server.parse(url)
        self.sender = sender
        self.timeout = timeout

    async def send(self, mail: Mail) -> None:
        """Raises MailRefused. Only a refusal of the recipient or of the message itself is permanent."""
        message = compose(mail, self.sender, datetime.now(UTC))
        try:
            async with self._client() as client:
                await client.send_message(message, sender=self.sender, recipients=[mail.to])
        except errors.SMTPRecipientsRefused as error:
            raise _refused(error.recipients[0], final=True, of_recipient=True) from None
        except errors.SMTPDataError as error:
            raise _refused(error, final=True) from None
        except errors.SMTPNotSupported:
            raise MailRefused(True, 0, "the server cannot address this recipient") from None
        except errors.SMTPResponseException as error:
            raise _refused(error, final=False) from None
        except (errors.SMTPException, OSError) as error:
            raise MailRefused(False, 0, type(error).__name__) from None

    def _client(self) -> aiosmtplib.SMTP:
        server = self.server
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            use_tls=server.scheme == "smtps",
            start_tls=server.scheme == "smtp+tls",
            local_hostname=self.sender.rpartition("@")[2],
            timeout=self.timeout,
        )


def _refused(error: errors.SMTPResponseException, *, final: bool, of_recipient: bool = False) -> MailRefused:
    """What is kept of a reply: its codes, never its text. `final`: a 5xx here is about this mail alone.

    A refused recipient is a bad address, unless it is a matter of policy (RFC 3463 section 3.8): that is about us.
    """
    enhanced = ENHANCED_CODE.search(error.message)
    reason = enhanced[0] if enhanced else type(error).__name__
    permanent = final and error.code >= 500
    of_address = permanent and of_recipient and not reason.startswith("5.7.")
    return MailRefused(permanent, error.code, reason, of_address=of_address)
