"""How things stand when a mail is written: what has changed since the event, or is nobody's business any more."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from portal_api.core.access import ActorKind
from portal_api.core.db import Session
from portal_api.models.assessments import SafetyAlert
from portal_api.models.auth import Account
from portal_api.models.clients import ClientGrant
from portal_api.models.notifications import Notification
from portal_api.models.scheduling import Appointment, AppointmentRequest
from portal_api.models.scheduling.appointments import TO_COME
from portal_api.services.messages import recipients

Rows = Sequence[Notification]


@dataclass(frozen=True, slots=True)
class Standing:
    """at: when the appointment of which a row speaks is. over: there is nothing to say of it any more."""

    at: datetime | None = None
    over: bool = False


AS_TOLD = Standing()
Found = dict[UUID, Standing]


async def of(session: Session, rows: Rows) -> Found:
    """By row, where it stands otherwise than it was told."""
    found: Found = {}
    for resource_type, look in _LOOKS.items():
        mine = [row for row in rows if row.resource_type == resource_type]
        if mine:
            found |= await look(session, mine)
    return found


async def still_theirs(session: Session, rows: Rows) -> list[Notification]:
    """Without what is about clients for whom the account no longer acts."""
    accounts = {row.account_id for row in rows if row.account_id}
    acting = select(ClientGrant.account_id, ClientGrant.client_id)
    acting = acting.where(ClientGrant.account_id.in_(accounts), ClientGrant.is_live())
    pairs = {(UUID(str(a)), UUID(str(c))) for a, c in (await session.execute(acting)).all()}
    of_clients = select(Account.id).where(Account.id.in_(accounts), Account.kind == ActorKind.CLIENT)
    clients = {UUID(str(id)) for id in await session.scalars(of_clients)}
    return [
        row
        for row in rows
        if row.account_id not in clients
        or row.about_client_id is None
        or (row.account_id, row.about_client_id) in pairs
    ]


async def _appointments(session: Session, rows: Rows) -> Found:
    """Off again, or begun: said in a digest alone, which tells what has happened."""
    booked = select(Appointment.id, Appointment.starts_at, Appointment.state, func.now().label("now"))
    known = await _by_id(session, booked.where(Appointment.id.in_(_ids(rows))))
    found: Found = {}
    for row in rows:
        now = known.get(row.resource_id)
        if now is None or row.email == "digest":
            found[row.id] = Standing(now and now.starts_at, over=now is None)
            continue
        off = row.event_type != "appointment.cancelled" and now.state not in TO_COME
        found[row.id] = Standing(now.starts_at, over=off or now.starts_at <= now.now)
    return found


async def _requests(session: Session, rows: Rows) -> Found:
    asked = select(AppointmentRequest.id, AppointmentRequest.starts_at, AppointmentRequest.offered_starts_at)
    known = await _by_id(session, asked.where(AppointmentRequest.id.in_(_ids(rows))))
    found: Found = {}
    for row in rows:
        request = known.get(row.resource_id)
        if request is not None:
            offered = request.offered_starts_at if row.event_type.endswith("counter_offered") else None
            found[row.id] = Standing(offered or request.starts_at)
    return found


async def _alerts(session: Session, rows: Rows) -> Found:
    """Somebody has seen to it."""
    seen = select(SafetyAlert.id).where(SafetyAlert.id.in_(_ids(rows)), SafetyAlert.acknowledged_at.is_not(None))
    over = {UUID(str(id)) for id in await session.scalars(seen)}
    return {row.id: Standing(over=row.resource_id in over) for row in rows}


async def _threads(session: Session, rows: Rows) -> Found:
    """They have read it meanwhile, it was taken back, or it is not theirs to see any more."""
    waiting = await recipients.who_waits(session, {row.resource_id for row in rows if row.resource_id})
    return {row.id: Standing(over=(row.account_id, row.resource_id) not in waiting) for row in rows}


_LOOKS: dict[str, Callable[[Session, Rows], Awaitable[Found]]] = {
    "appointment": _appointments,
    "appointment_request": _requests,
    "safety_alert": _alerts,
    "thread": _threads,
}


def _ids(rows: Rows) -> set[UUID | None]:
    return {row.resource_id for row in rows}


async def _by_id(session: Session, statement: Any) -> dict[UUID | None, Any]:
    return {UUID(str(row.id)): row for row in (await session.execute(statement)).all()}
