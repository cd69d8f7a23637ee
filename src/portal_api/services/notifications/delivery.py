"""The delivery log around the sending: prepared in one transaction, finished in another.

A mail is taken before it is sent and looked at again then: two workers send it once, and what has changed since counts.
A worker that dies between the mail server's yes and its own note of it is the one case of a second mail, under the same
Message-ID.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select, update

from portal_api.core import clock
from portal_api.core.access import SELF, Principal
from portal_api.core.db import Session
from portal_api.core.ids import new_id
from portal_api.core.jobs import JobFailed
from portal_api.integrations.mail import Mail
from portal_api.integrations.mail_templates import render
from portal_api.models.audit import Event
from portal_api.models.clients import Client, ClientGrant
from portal_api.models.invitations import Invitation
from portal_api.models.notifications import OPEN_DELIVERIES, MailDelivery, Notification
from portal_api.models.practices import Practice
from portal_api.services import audit
from portal_api.services.notifications import addresses, composing, wishes
from portal_api.services.notifications.kinds import BY_KEY, DIGEST
from portal_api.services.notifications.letters import LETTERS, Letter

SEND = "notices.mail"
PATIENCE = timedelta(hours=20)
"""So long a mail server may refuse or be away before a notice is given up: its time is over by then."""
OVERDUE = timedelta(minutes=10)
AT_ONCE = 200


async def prepare(session: Session, event: Event) -> tuple[UUID, Mail] | None:
    """The letter of an event, taken to be sent now; None when there is none, or it has gone out."""
    writer = LETTERS.get(event.type)
    if writer is None:
        return None
    known = select(MailDelivery).where(MailDelivery.event_id == event.id).with_for_update()
    delivery = await session.scalar(known)
    if delivery is not None and not await _free(session, delivery):
        return None
    letter = await writer(session, event)
    if letter is None:
        return None
    if delivery is None:
        delivery = _of_letter(letter, event)
        session.add(delivery)
    addresses.note(session, delivery, letter.to)
    delivery.begin(await clock.now(session))
    practice = (await session.execute(select(Practice).where(Practice.id == event.practice_id))).scalar_one()
    content = render(letter.template, practice_name=practice.name, **letter.values)
    mail = Mail(
        to=letter.to,
        subject=content.subject,
        text=content.text,
        html=content.html,
        sender_name=practice.name,
        reference=str(event.id),
    )
    return delivery.id, mail


async def begin(session: Session, delivery_id: UUID) -> Mail | None:
    """Take a mail about what is in somebody's inbox; None where there is nothing to send any more.

    In quiet hours it is put off. Raises JobFailed while somebody else is sending it.
    """
    held = select(MailDelivery).where(MailDelivery.id == delivery_id).with_for_update()
    delivery = await session.scalar(held)
    if delivery is None or not await _free(session, delivery):
        return None
    now = await clock.now(session)
    if now - delivery.created_at > PATIENCE:
        await give_up(session, delivery, now, "abandoned")
        return None
    until = await _not_before(session, delivery, now)
    if until > now:
        await queue(session, delivery_id, after=until - now)
        return None
    mail, reason = await composing.compose(session, delivery)
    if mail is None:
        await give_up(session, delivery, now, reason)
        return None
    addresses.note(session, delivery, mail.to)
    delivery.begin(now)
    return mail


async def finish(session: Session, delivery_id: UUID, failure: JobFailed | None = None) -> None:
    """Write down how it went: sent, bounced (refused for good) or failed (to be tried again)."""
    found = await session.execute(select(MailDelivery).where(MailDelivery.id == delivery_id).with_for_update())
    delivery = found.scalar_one()
    now = await clock.now(session)
    state = "sent" if failure is None else "bounced" if failure.permanent else "failed"
    delivery.finish(state, now, 250 if failure is None else getattr(failure, "code", None))
    await session.flush()
    await _note_on_invitation(session, delivery, now)
    if failure is None and delivery.address_mac is not None:
        await addresses.took_mail(session, delivery.address_mac)
    if state == "bounced":
        await _bounced(session, delivery, now, of_address=getattr(failure, "of_address", False))


async def make_good(session: Session) -> None:
    """Queue again what is still to be sent and waits for no job: its own was lost."""
    lost = (
        select(MailDelivery.id)
        .where(
            MailDelivery.state.in_(OPEN_DELIVERIES),
            MailDelivery.event_id.is_(None),
            MailDelivery.kind.in_(composing.KEYS),
            or_(
                MailDelivery.attempted_at < await clock.now(session) - OVERDUE,
                MailDelivery.attempted_at.is_(None) & (MailDelivery.created_at < await clock.now(session) - OVERDUE),
            ),
        )
        .order_by(MailDelivery.created_at)
        .limit(AT_ONCE)
    )
    for delivery_id in (await session.scalars(lost)).all():
        await queue(session, UUID(str(delivery_id)))


async def queue(session: Session, delivery_id: UUID, *, after: timedelta | None = None) -> None:
    """Have a mail sent."""
    practice_id, jobs = session.binding.practice_id, session.tools.queue
    at = await clock.now(session) + after if after else None
    await jobs.defer(session, SEND, practice_id, at=at, key=str(delivery_id), delivery_id=delivery_id)


def _of_letter(letter: Letter, event: Event) -> MailDelivery:
    return MailDelivery(
        id=new_id(),
        template=letter.template,
        subject_id=letter.subject_id,
        account_id=letter.account_id,
        recipient_id=letter.account_id,
        event_id=event.id,
        attempts=0,
    )


async def _free(session: Session, delivery: MailDelivery) -> bool:
    """Whether it is still to be sent. Raises JobFailed while somebody else does so."""
    if delivery.state not in OPEN_DELIVERIES:
        return False
    now = await clock.now(session)
    until = delivery.busy_until(now)
    if until is not None:
        raise JobFailed("somebody else is sending it", retry_in=until - now)
    return True


async def _not_before(session: Session, delivery: MailDelivery, now: datetime) -> datetime:
    """Now, or the end of quiet hours that have begun since it was made: no server took it before."""
    kind = BY_KEY.get(delivery.kind or "")
    if delivery.recipient_id is None or (kind is not None and not kind.quiet):
        return now
    return (await wishes.hours_of(session, [delivery.recipient_id]))[delivery.recipient_id].open_at(now)


async def give_up(session: Session, delivery: MailDelivery, at: datetime, state: str) -> None:
    """Send it no more. What it was to tell is told by another, unless it is `dropped`."""
    delivery.finish(state, at)
    await session.flush()
    if state != "dropped":
        await _release(session, delivery)


async def _release(session: Session, delivery: MailDelivery) -> None:
    """What a digest could not tell is told by the next one that can be sent (F14.M2)."""
    if delivery.kind == DIGEST:
        mine = update(Notification).where(Notification.delivery_id == delivery.id).values(delivery_id=None)
        await session.execute(mine.execution_options(synchronize_session=False))


async def _note_on_invitation(session: Session, delivery: MailDelivery, at: datetime) -> None:
    held = select(Invitation).where(Invitation.id == delivery.subject_id).with_for_update()
    invitation = await session.scalar(held)
    if invitation is not None:
        invitation.delivery = delivery.state
        invitation.delivered_at = at if delivery.state == "sent" else None


async def _bounced(session: Session, delivery: MailDelivery, at: datetime, *, of_address: bool) -> None:
    """Staff are told, and an address that is no good is left alone."""
    await _release(session, delivery)
    if of_address and delivery.address_mac is not None:
        await addresses.suppress(session, delivery.address_mac, delivery.smtp_code or 0, at)
    program = Principal.program(session.binding.practice_id)
    details: dict[str, Any] = {"template": delivery.template, "smtp_code": delivery.smtp_code}
    await audit.record(
        session,
        program,
        "mail.bounced",
        resource=("mail_delivery", delivery.id),
        clients=await _clients_of(session, delivery),
        outcome="success",
        details=details | {"suppressed": of_address},
    )


async def _clients_of(session: Session, delivery: MailDelivery) -> list[UUID]:
    """Whose address it was, as far as a client's: by the chart, the own login or the invitation."""
    of_login = select(ClientGrant.client_id).where(
        ClientGrant.account_id == (delivery.account_id or delivery.recipient_id),
        ClientGrant.relationship == SELF,
        ClientGrant.revoked_at.is_(None),
    )
    invited = select(Invitation.client_id).where(
        Invitation.id == delivery.subject_id, Invitation.client_id.is_not(None)
    )
    found = select(Client.id).where(
        or_(Client.id == delivery.recipient_id, Client.id.in_(of_login), Client.id.in_(invited))
    )
    return [UUID(str(id)) for id in await session.scalars(found)]
