"""Requests of people who have no chart: held until their address is verified, then put before the practice.

What an address that nobody has verified does here must not tell whether it is known (A01). So nothing of it is seen
until its holder has answered the mail, and whether it holds its time depends on the practice's setting alone.
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, select, update

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Rows, Session
from portal_api.core.errors import Invalid
from portal_api.core.ids import new_id
from portal_api.models.portal import PortalSettings
from portal_api.models.prospects import Prospect
from portal_api.models.scheduling import HOLDING_STATES, AppointmentRequest
from portal_api.schemas.scheduling.requests import WishedTime
from portal_api.services.scheduling import claims, newcomers, practitioners, slots
from portal_api.services.scheduling.claims import SlotTaken
from portal_api.services.scheduling.requests import placing, reading
from portal_api.services.scheduling.requests.placing import Placing, TooManyPending
from portal_api.services.scheduling.requests.recording import recorded

WAITS_FOR_VERIFICATION = timedelta(hours=24)
"""As long as the mailed link."""
HOLDS_UNVERIFIED = timedelta(minutes=30)
MOST_OF_NEWCOMER = 3
"""So many requests of a person without a chart may wait for an answer (A25)."""


async def place(session: Session, wished: WishedTime) -> Placing:
    """Hold the calendar and look whether newcomers are offered the time. Raises Invalid, SlotTaken, NotOffered,
    TooManyPending."""
    await placing.locked_practitioner(session, wished.practitioner_id)
    return await placing.offered(session, slots.NEWCOMER, wished)


async def hold(
    session: Session, at: Placing, wished: WishedTime, account_id: UUID, prospect_id: UUID | None
) -> AppointmentRequest:
    """Keep what somebody asks for under this account's address, until its holder verifies it.

    Only what a prospect asks for can ever be put before the practice; for any other account the row is there so that
    nobody can tell the difference. Where the practice lets an unverified person hold a time (F4.M4), it is held
    for half an hour. account_id: locked by the caller, before the calendar.
    """
    request = placing.request_for(
        at,
        wished,
        id=new_id(),
        state="held",
        prospect_id=prospect_id,
        account_id=account_id,
        expires_at=at.until(WAITS_FOR_VERIFICATION),
    )
    may_hold = await _may_hold(session, account_id)
    session.add(request)
    await session.flush()
    if may_hold:
        await claims.take_for_request(session, request.id, at.span, at.until(HOLDS_UNVERIFIED))
    await placing.expire_in_time(session, request)
    return request


async def confirm(session: Session, principal: Principal, account_id: UUID) -> None:
    """The address is verified: put before the practice what its holder has asked for, oldest first.

    What has lost its time meanwhile expires, and its asker is told. account_id: locked by the caller.
    """
    is_open = exists().where(Prospect.id == AppointmentRequest.prospect_id, Prospect.outcome == "open")
    waiting = _of_account(account_id, "held").where(is_open).order_by(AppointmentRequest.id)
    request_ids = list(await session.scalars(waiting.limit(MOST_OF_NEWCOMER)))
    if not request_ids or not await newcomers.are_taken(session):
        return
    room = max(0, MOST_OF_NEWCOMER - await _count(session, account_id, "requested"))
    for request_id in request_ids[:room]:
        request, _ = await reading.held(session, UUID(str(request_id)))
        if request.state_at(await clock.now(session)) == "held":
            await _put_forward(session, principal, request)


async def hand_over(session: Session, prospect_id: UUID, client_id: UUID) -> None:
    """The prospect is a client now, and so is who asks in the requests that the practice knows of."""
    await _assign(session, prospect_id, AppointmentRequest.requested_at.is_not(None), client_id)


async def take_back(session: Session, prospect_id: UUID) -> None:
    """The prospect is that client no longer. What became an appointment stays with the client's record."""
    await _assign(session, prospect_id, AppointmentRequest.state != "accepted", None)


async def decline_all(session: Session, principal: Principal, prospect_id: UUID) -> None:
    """The practice has turned the person down: nothing of theirs waits for an answer any more."""
    waiting = select(AppointmentRequest.id, AppointmentRequest.practitioner_id).where(
        AppointmentRequest.prospect_id == prospect_id, AppointmentRequest.state.in_(HOLDING_STATES)
    )
    rows = (await session.execute(waiting)).all()
    await practitioners.locked(session, {UUID(str(row.practitioner_id)) for row in rows})
    for row in rows:
        request, now = await reading.locked(session, UUID(str(row.id))), await clock.now(session)
        if request.state in HOLDING_STATES and request.expires_at > now:
            request.decide("declined", now, principal.account_id)
            await claims.release(session, request.id)
            await recorded(session, principal, request, "appointment_request.declined")


async def _put_forward(session: Session, principal: Principal, request: AppointmentRequest) -> None:
    await claims.release(session, request.id)
    try:
        at = await placing.offered(session, slots.NEWCOMER, placing.wish_of(request))
    except (SlotTaken, TooManyPending, Invalid):
        request.decide("expired", await clock.now(session), by=None)
        await recorded(session, principal, request, "appointment_request.lapsed")
        return
    request.put_forward(at.now, at.until(at.ttl))
    await session.flush()
    await claims.take_for_request(session, request.id, at.span, request.expires_at)
    await recorded(session, principal, request, "appointment_request.created")


async def _may_hold(session: Session, account_id: UUID) -> bool:
    limit = await session.scalar(select(PortalSettings.unverified_request_limit))
    return await _count(session, account_id, "held") < (limit or 0)


async def _count(session: Session, account_id: UUID, state: str) -> int:
    live = _of_account(account_id, state).with_only_columns(func.count())
    return await session.scalar(live) or 0


def _of_account(account_id: UUID, state: str) -> Rows:
    return select(AppointmentRequest.id).where(
        AppointmentRequest.account_id == account_id,
        AppointmentRequest.client_id.is_(None),
        AppointmentRequest.state == state,
        AppointmentRequest.expires_at > func.now(),
    )


async def _assign(session: Session, prospect_id: UUID, which: ColumnElement[bool], client_id: UUID | None) -> None:
    theirs = update(AppointmentRequest).where(AppointmentRequest.prospect_id == prospect_id, which)
    moved = theirs.values(client_id=client_id, version=AppointmentRequest.version + 1)
    await session.execute(moved, execution_options={"synchronize_session": False})
