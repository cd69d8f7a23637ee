"""How a reminder reaches somebody: one channel each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from portal_api.integrations.mail import Mail, Mailer
from portal_api.integrations.mail_templates import render


@dataclass(frozen=True, slots=True)
class Notice:
    """What a reminder says, to an address of its channel: when, how and where to look; never what for, nor whose.

    reference: the same at every attempt at one reminder. headers: of a mail, how it can be ended (RFC 8058).
    """

    to: str
    practice_name: str
    when: str
    by_video: bool
    link: str
    reference: str
    headers: Mapping[str, str] = field(default_factory=dict)


class ReminderChannel(Protocol):
    """Carries a notice, or raises JobFailed; `permanent` where this address never will take it."""

    async def send(self, notice: Notice) -> None: ...


class EmailReminders:
    """By mail."""

    def __init__(self, mailer: Mailer) -> None:
        self._mailer = mailer

    async def send(self, notice: Notice) -> None:
        """Raises MailRefused."""
        content = render(
            "appointment_reminder",
            practice_name=notice.practice_name,
            when=notice.when,
            how="It takes place by video." if notice.by_video else "",
            link=notice.link,
        )
        mail = Mail(
            to=notice.to,
            subject=content.subject,
            text=content.text,
            html=content.html,
            sender_name=notice.practice_name,
            reference=notice.reference,
            headers=notice.headers,
        )
        await self._mailer.send(mail)
