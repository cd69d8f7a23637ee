"""One mail to one person, safe to put on the wire."""

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime
from typing import Protocol

from portal_api.core.jobs import JobFailed

DISPLAY_NAME_LENGTH = 64
SUBJECT_LENGTH = 200


class _Verbatim(UnstructuredHeader, BaseHeader):
    """A header with an address that no mail program would find in pieces or encoded (RFC 2369 section 2)."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


_REGISTRY = HeaderRegistry()
_REGISTRY.map_to_type("List-Unsubscribe", _Verbatim)
POLICY = SMTP.clone(header_factory=_REGISTRY)


class MailRefused(JobFailed):
    """
    The mail was not taken. permanent: this address or this message never will be (a bounce); else try again.

    code: the server's reply code, 0 if there was none. reason: holds nothing of the server's text, which may
    quote people. of_address: the server said so of the address, whatever is sent there.
    """

    def __init__(self, permanent: bool, code: int, reason: str, *, of_address: bool = False) -> None:
        super().__init__(f"{code} {reason}" if code else reason, permanent=permanent)
        self.code = code
        self.of_address = of_address


class UnsafeHeader(MailRefused):
    """A header that could break out of its line, or an address that is not exactly one address."""

    def __init__(self, reason: str) -> None:
        super().__init__(True, 0, reason)


@dataclass(frozen=True, slots=True)
class Mail:
    """
    to: one address. sender_name: shown before the sender's address, such as the practice's name. reference:
    the same for every attempt at one delivery, so that a repetition is recognisable; shows only as a digest.
    """

    to: str
    subject: str
    text: str
    html: str | None = None
    sender_name: str = ""
    reference: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises UnsafeHeader."""
        for value in (self.to, self.subject, self.sender_name, *self.headers, *self.headers.values()):
            if any(unicodedata.category(character) in {"Cc", "Zl", "Zp", "Cs"} for character in value):
                raise UnsafeHeader("a header may not hold a line break or another control character")
        _one_address(self.to)


class Mailer(Protocol):
    """Sends mail, or raises MailRefused."""

    async def send(self, mail: Mail) -> None: ...


def compose(mail: Mail, sender: str, now: datetime) -> EmailMessage:
    """The mail as a message from `sender`, with a text part and the HTML, if any, as its alternative."""
    message = EmailMessage(policy=POLICY)
    origin = _one_address(sender)
    message["From"] = Address(display_name(mail.sender_name), addr_spec=sender)
    message["To"] = Address(addr_spec=mail.to)
    message["Subject"] = mail.subject[:SUBJECT_LENGTH]
    message["Date"] = format_datetime(now)
    message["Message-ID"] = _message_id(mail, origin.domain)
    message["Auto-Submitted"] = "auto-generated"
    for name, value in mail.headers.items():
        message[name] = value
    message.set_content(mail.text)
    if mail.html is not None:
        message.add_alternative(mail.html, subtype="html")
    return message


def display_name(name: str) -> str:
    """At most 64 characters of the name, without invisible ones that could reorder what is read."""
    visible = "".join(character for character in name if unicodedata.category(character) != "Cf")
    return " ".join(visible.split())[:DISPLAY_NAME_LENGTH].strip()


def _one_address(address: str) -> Address:
    try:
        parsed = Address(addr_spec=address)
    except (ValueError, IndexError, MessageError) as error:
        raise UnsafeHeader("not exactly one address") from error
    if parsed.addr_spec != address or not parsed.domain or not parsed.username:
        raise UnsafeHeader("not exactly one address")
    return parsed


def _message_id(mail: Mail, domain: str) -> str:
    parts = (mail.reference, mail.to) if mail.reference else (mail.to, mail.subject, mail.text)
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return f"<{digest[:40]}@{domain}>"
