"""The mails of safety alerts: at once, to each who must see to it; not what it is about, nor whose (F8.B1).

One event has several recipients here. Each is a job of its own, so that one address that fails holds up nobody.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, literal, or_, select

from portal_api.core.access import Role
from portal_api.core.db import Session
from portal_api.core.ids import new_id
from portal_api.integrations.mail import Mail
from portal_api.integrations.mail_templates import Template, render
from portal_api.models.assessments import SafetyAlert
from portal_api.models.audit import Event
from portal_api.models.clients import ClientAssignment
from portal_api.models.notifications import MailDelivery
from portal_api.models.practices import Practice
from portal_api.models.staff import StaffMember, Supervision
from portal_api.services.notifications.letters import app_link, letter

MAIL = "safety_alerts.mail"
"""The job that mails one recipient of one event."""
TEMPLATES: dict[str, Template] = {
    "safety_alert.raised": "safety_alert",
    "safety_alert.escalated": "safety_alert_escalated",
}


@letter(*TEMPLATES)
async def tell_everyone(session: Session, event: Event) -> None:
    """A job for each recipient, in this transaction; the mails follow."""
    alert = await session.scalar(select(SafetyAlert).where(SafetyAlert.id == event.resource_id))
    if alert is None or alert.acknowledged_at is not None:
        return
    escalated = event.type == "safety_alert.escalated"
    practice_id, queue = session.binding.practice_id, session.tools.queue
    for account_id in await recipients(session, alert.client_id, escalated=escalated):
        ids = {"event_id": event.id, "account_id": account_id}
        await queue.defer(session, MAIL, practice_id, key=f"{event.id}/{account_id}", **ids)


async def recipients(session: Session, client_id: UUID, *, escalated: bool) -> Sequence[UUID]:
    """The accounts of those who treat the client; with `escalated`, of their supervisors and of the owners too.

    Where nobody treats the client, the owners are told at once.
    """
    treats = StaffMember.id.in_(_treating(client_id))
    supervises = StaffMember.id.in_(
        select(Supervision.supervisor_id).where(Supervision.supervised_id.in_(_treating(client_id)))
    )
    owns = literal(Role.OWNER.value) == StaffMember.roles.any_()
    wanted = or_(treats, supervises, owns) if escalated else treats
    return await _accounts(session, wanted) or await _accounts(session, owns)


async def prepare(session: Session, event_id: UUID, account_id: UUID) -> tuple[UUID, Mail] | None:
    """The mail to one recipient and its row in the delivery log.

    None where somebody has seen to the alert meanwhile, the recipient has left, or was told before.
    """
    found = (
        select(Event.type, SafetyAlert, StaffMember.email, Practice.name)
        .join(SafetyAlert, SafetyAlert.id == Event.resource_id)
        .join(StaffMember, StaffMember.account_id == account_id)
        .join(Practice, Practice.id == session.binding.practice_id)
        .where(Event.id == event_id, SafetyAlert.acknowledged_at.is_(None), StaffMember.state == "active")
    )
    row = (await session.execute(found)).one_or_none()
    if row is None:
        return None
    type, alert, email, practice_name = row
    template, about = TEMPLATES[type], {"subject_id": alert.id, "account_id": account_id}
    if await session.scalar(_sent(template, about)):
        return None
    content = render(template, practice_name=practice_name, link=await app_link(session, f"/safety-alerts/{alert.id}"))
    delivery = MailDelivery(id=new_id(), template=template, **about)
    session.add(delivery)
    mail = Mail(
        to=email,
        subject=content.subject,
        text=content.text,
        html=content.html,
        sender_name=practice_name,
        reference=f"{event_id}/{account_id}",
    )
    return delivery.id, mail


def _treating(client_id: UUID) -> Select[Any]:
    """Whoever is assigned to the client and works here."""
    return (
        select(ClientAssignment.practitioner_id)
        .join(StaffMember, StaffMember.id == ClientAssignment.practitioner_id)
        .where(ClientAssignment.client_id == client_id, StaffMember.state == "active")
    )


async def _accounts(session: Session, wanted: ColumnElement[bool]) -> Sequence[UUID]:
    found = select(StaffMember.account_id).where(StaffMember.state == "active", wanted).order_by(StaffMember.id)
    return [UUID(str(account_id)) for account_id in await session.scalars(found)]


def _sent(template: Template, about: dict[str, Any]) -> Select[Any]:
    same = (getattr(MailDelivery, name) == value for name, value in about.items())
    return select(MailDelivery.id).where(MailDelivery.template == template, MailDelivery.state == "sent", *same)
