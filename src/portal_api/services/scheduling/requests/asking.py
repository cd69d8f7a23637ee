"""What clients do with requests: ask, take back, answer a counter-offer."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Binding, Session
from portal_api.core.errors import invalid
from portal_api.core.ids import new_id
from portal_api.models.clients import Client
from portal_api.models.scheduling import HOLDING_STATES, AppointmentRequest, Audience
from portal_api.schemas.scheduling.requests import AppointmentRequestCreate, RequestRefusal
from portal_api.services.auth import accounts
from portal_api.services.scheduling import claims, slots
from portal_api.services.scheduling.appointments import booking
from portal_api.services.scheduling.requests import at_once, placing, reading
from portal_api.services.scheduling.requests.placing import TooManyPending
from portal_api.services.scheduling.requests.recording import recorded

MOST_OF_CLIENT = 10
MOST_OF_ACCOUNT = 20
"""So many may wait for an answer: nobody holds a practice's whole calendar by asking for it (A25)."""


async def create(session: Session, principal: Principal, data: AppointmentRequestCreate) -> dict[str, Any]:
    """Ask for a time and hold it against other clients, or have it at once where the service allows it (F10.B2).

    Raises NotFound, FeatureDisabled or Invalid for the client, TooManyPending, and SlotTaken or NotOffered with
    alternatives.
    """
    profile = principal.profile(data.client_id)
    if data.confidential and not profile.is_own:
        raise invalid("/confidential", "not_yours", "Only clients themselves can keep something from guardians.")
    client_id = profile.client_id
    asker = slots.Asker(Audience.EXISTING, client_id)
    async with placing.others(session, asker, data):
        await claims.glance(session, data.practitioner_id, data.starts_at, requests_too=True)
    await accounts.locked(session, principal.account_id)
    await placing.locked_practitioner(session, data.practitioner_id)
    await session.execute(select(Client.id).where(Client.id == client_id).with_for_update(key_share=True))
    await _must_be_few(session, principal, client_id)
    place = await placing.offered(session, asker, data)
    request = placing.request_for(
        place,
        data,
        id=new_id(),
        client_id=client_id,
        account_id=principal.account_id,
        state="requested",
        requested_at=place.now,
        confidential=data.confidential,
        expires_at=place.until(place.ttl),
    )
    session.add(request)
    await session.flush()
    if await at_once.may_be(session, request, place.service):
        await at_once.accept(session, principal, request)
    else:
        await claims.take_for_request(session, request.id, place.span, request.expires_at)
        await recorded(session, principal, request, "appointment_request.created")
        await placing.expire_in_time(session, request)
    return await reading.get_mine(session, principal, request.id)


async def withdraw(session: Session, principal: Principal, request_id: UUID) -> dict[str, Any]:
    """Take a request back; its time is free at once. Raises NotFound, InvalidState."""
    request, _ = await reading.held(session, request_id)
    await _end(session, principal, request, "withdrawn")
    await recorded(session, principal, request, "appointment_request.withdrawn")
    return await reading.get_mine(session, principal, request_id)


async def decline_counter_offer(
    session: Session, principal: Principal, request_id: UUID, data: RequestRefusal | None
) -> dict[str, Any]:
    """Turn down the time that the practice offers instead, and with it the request. Raises NotFound, InvalidState."""
    request, _ = await reading.held(session, request_id)
    request.must_have_an_offer(await clock.now(session))
    await _end(session, principal, request, "declined", data.message if data else None)
    await recorded(session, principal, request, "appointment_request.counter_offer_declined")
    return await reading.get_mine(session, principal, request_id)


async def accept_counter_offer(session: Session, principal: Principal, request_id: UUID) -> dict[str, Any]:
    """Take the time that the practice offers instead: it becomes an appointment at once.

    The practice has offered it, so the program itself books it. Raises NotFound, InvalidState, Invalid, and SlotTaken
    with alternatives where staff have booked over it.
    """
    mine, caller = await reading.get_mine(session, principal, request_id), session.binding
    asker = slots.Asker(Audience.EXISTING, UUID(str(mine["client_id"])))
    await session.rebind(Binding.system(principal.practice_id))
    terms = await booking.agree(session, placing.booking_of(mine))
    request = await reading.locked(session, request_id)
    starts_at = request.must_have_an_offer(await clock.now(session))
    await _end(session, principal, request, "accepted")
    async with placing.others(session, asker, request, at=starts_at):
        await booking.open_at(session, principal, terms, starts_at, over_requests=False)
    await recorded(session, principal, request, "appointment_request.counter_offer_accepted")
    await session.rebind(caller)
    return await reading.get_mine(session, principal, request_id)


async def _must_be_few(session: Session, principal: Principal, client_id: UUID) -> None:
    """Raise TooManyPending where the client or the account has as many as may wait; both are locked by the caller."""
    of_client, of_account = (
        AppointmentRequest.client_id == client_id,
        (AppointmentRequest.account_id == principal.account_id) & AppointmentRequest.client_id.is_not(None),
    )
    pending = select(func.count().filter(of_client), func.count().filter(of_account)).where(
        or_(of_client, of_account),
        AppointmentRequest.state.in_(HOLDING_STATES),
        AppointmentRequest.expires_at > func.now(),
    )
    for_client, by_account = (await session.execute(pending)).one()
    if for_client >= MOST_OF_CLIENT or by_account >= MOST_OF_ACCOUNT:
        limit = MOST_OF_CLIENT if for_client >= MOST_OF_CLIENT else MOST_OF_ACCOUNT
        raise TooManyPending("Wait until the practice has answered some of them, or withdraw one.", limit=limit)


async def _end(
    session: Session, principal: Principal, request: AppointmentRequest, to: str, message: str | None = None
) -> None:
    request.decide(to, await clock.now(session), principal.account_id, message)
    await claims.release(session, request.id)
    await session.flush()
