"""Events that become mails. A service never sends: it records an event, and its letter is looked up here."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from portal_api.core import clock
from portal_api.core.db import Session
from portal_api.integrations.mail_templates import Template
from portal_api.models.audit import Event
from portal_api.models.auth import OneTimeSecret
from portal_api.models.practices import PracticeLink
from portal_api.services.auth import secrets


@dataclass(frozen=True, slots=True)
class Letter:
    """What to mail. `subject_id` is the row it is about, by which the delivery log is found."""

    template: Template
    to: str
    subject_id: UUID
    account_id: UUID | None = None
    values: dict[str, str | timedelta] = field(default_factory=dict)


Writer = Callable[[Session, Event], Awaitable[Letter | None]]
LETTERS: dict[str, Writer] = {}
"""By type of event. A writer returns None when there is nothing (any more) to say."""


def letter(*types: str) -> Callable[[Writer], Writer]:
    """Register the writer of an event's mail."""

    def register(writer: Writer) -> Writer:
        LETTERS.update(dict.fromkeys(types, writer))
        return writer

    return register


async def app_link(session: Session, path: str) -> str:
    """A link into the practice's portal, from the configured front end (A40)."""
    current = select(PracticeLink.slug).where(
        PracticeLink.practice_id == session.binding.practice_id, PracticeLink.is_current
    )
    slug = (await session.execute(current)).scalar_one_or_none()
    return session.tools.settings.app_link(slug or str(session.binding.practice_id), path)


async def open_secret(session: Session, event: Event) -> OneTimeSecret | None:
    """The one-time secret that the event is about, unless it was used, replaced or has expired."""
    found = select(OneTimeSecret).where(OneTimeSecret.id == event.resource_id)
    secret = (await session.execute(found)).scalar_one_or_none()
    if secret is None or secret.used_at or secret.expires_at <= await clock.now(session):
        return None
    return secret


@letter("email_verification.requested")
async def verify_email(session: Session, event: Event) -> Letter | None:
    secret = await open_secret(session, event)
    return await verification_letter(session, secret) if secret else None


async def verification_letter(session: Session, secret: OneTimeSecret) -> Letter:
    """The link and the code of one secret."""
    token = secrets.text_of(session.tools, secret).text
    return Letter(
        "email_verification",
        secret.email,
        secret.id,
        secret.account_id,
        {
            "link": await app_link(session, f"/verify-email#token={token}"),
            "code": secrets.code_of(session.tools, secret),
            "valid_for": secrets.LIFETIMES["email_verification"],
        },
    )
