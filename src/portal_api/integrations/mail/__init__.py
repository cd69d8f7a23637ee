"""Mail out: what a message is, a sender over SMTP, and a mailbox that keeps everything for development."""

from portal_api.integrations.mail.choice import Unconfigured, development_mailbox, open_mailer
from portal_api.integrations.mail.mailbox import DevelopmentMailbox, StoredMail
from portal_api.integrations.mail.message import Mail, Mailer, MailRefused, UnsafeHeader
from portal_api.integrations.mail.smtp import SmtpMailer

__all__ = [
    "DevelopmentMailbox",
    "Mail",
    "MailRefused",
    "Mailer",
    "SmtpMailer",
    "StoredMail",
    "Unconfigured",
    "UnsafeHeader",
    "development_mailbox",
    "open_mailer",
]
