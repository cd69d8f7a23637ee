"""The delivery log around the sending: prepared in one transaction, finished in another."""

from uuid import UUID

from sqlalchemy import select

from portal_api.core import clock
from portal_api.core.db import Session
from portal_api.core.ids import new_id
from portal_api.integrations.mail import Mail
from portal_api.integrations.mail_templates import render
from portal_api.models.audit import Event
from portal_api.models.invitations import Invitation
from portal_api.models.notifications import MailDelivery
from portal_api.models.practices import Practice
from portal_api.services.notifications.letters import LETTERS


async def prepare(session: Session, event_id: UUID) -> tuple[UUID, Mail] | None:
    """The mail of an event and its row in the delivery log; None when there is nothing to send."""
    event = (await session.execute(select(Event).where(Event.id == event_id))).scalar_one_or_none()
    if event is None or event.type not in LETTERS:
        return None
    letter = await LETTERS[event.type](session, event)
    if letter is None:
        return None
    practice = (await session.execute(select(Practice).where(Practice.id == event.practice_id))).scalar_one()
    content = render(letter.template, practice_name=practice.name, **letter.values)
    delivery = MailDelivery(
        id=new_id(), template=letter.template, subject_id=letter.subject_id, account_id=letter.account_id
    )
    session.add(delivery)
    mail = Mail(
        to=letter.to,
        subject=content.subject,
        text=content.text,
        html=content.html,
        sender_name=practice.name,
        reference=str(event_id),
    )
    return delivery.id, mail


async def finish(session: Session, delivery_id: UUID, state: str, smtp_code: int | None = None) -> None:
    """Write down how it went: sent, bounced (refused for good) or failed (to be tried again)."""
    found = await session.execute(select(MailDelivery).where(MailDelivery.id == delivery_id))
    delivery = found.scalar_one()
    now = await clock.now(session)
    delivery.state, delivery.smtp_code, delivery.finished_at = state, smtp_code, now
    invitation = (
        await session.execute(select(Invitation).where(Invitation.id == delivery.subject_id).with_for_update())
    ).scalar_one_or_none()
    if invitation is not None:
        invitation.delivery, invitation.delivered_at = state, now if state == "sent" else None
