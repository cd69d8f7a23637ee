"""Where mail goes, by the settings: a server, the development mailbox, or nowhere."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from portal_api.core.config import Settings
from portal_api.integrations.mail.mailbox import DevelopmentMailbox
from portal_api.integrations.mail.message import Mail, Mailer, MailRefused
from portal_api.integrations.mail.smtp import SmtpMailer


class Unconfigured:
    """Refuses every mail, for now: jobs keep it and try again, so naming a server later loses nothing."""

    async def send(self, mail: Mail) -> None:
        raise MailRefused(False, 0, "PORTAL_SMTP_URL is not set")


def development_mailbox(settings: Settings) -> DevelopmentMailbox | None:
    """The mailbox below the data directory, where mail is kept; never in production."""
    return DevelopmentMailbox(settings.data_dir / "mailbox") if settings.keeps_mail else None


@asynccontextmanager
async def open_mailer(settings: Settings) -> AsyncIterator[Mailer]:
    """A mailer for the time of the block; the development mailbox receives as long."""
    mailbox = development_mailbox(settings)
    if mailbox is None:
        yield SmtpMailer(settings.smtp_url, settings.mail_from) if settings.smtp_url else Unconfigured()
        return
    await mailbox.start()
    try:
        yield SmtpMailer(mailbox.url, settings.mail_from)
    finally:
        await mailbox.stop()
