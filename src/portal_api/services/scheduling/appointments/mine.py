"""Appointments of the clients for whom a caller acts."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    and_,
    bindparam,
    case,
    column,
    exists,
    func,
    literal,
    null,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import UUID as PGUUID
from sqlalchemy.orm import aliased

from portal_api.core import clock
from portal_api.core.access import Feature, GrantPermission, Principal, Profile
from portal_api.core.db import Read, Reader, Rows, Session, Source
from portal_api.core.errors import Conflict, FeatureDisabled, Forbidden, NotFound, invalid
from portal_api.models.portal import PortalSettings
from portal_api.models.practices import Practice
from portal_api.models.scheduling import TO_COME, Appointment, AppointmentAttendee, Audience, Location, Service
from portal_api.models.scheduling.appointments import CancellationStage
from portal_api.models.staff import StaffMember
from portal_api.schemas.scheduling.mine import MyAppointmentQuery, MyCancellation, MyReschedule
from portal_api.services import features
from portal_api.services.auth import authority
from portal_api.services.paging import Pager
from portal_api.services.scheduling import alternatives, claims, slots
from portal_api.services.scheduling.appointments import changing, ending, reading
from portal_api.services.scheduling.appointments.recording import record
from portal_api.services.scheduling.claims import SlotTaken
from portal_api.services.scheduling.services import money
from portal_api.services.scheduling.slots import Asker, Wish

CLIENTS = Asker(Audience.EXISTING)
VIEW = GrantPermission.APPOINTMENTS_VIEW
LONGEST_SESSION = literal(timedelta(days=1))
"""No service is longer (ck_service_duration)."""
_UUID = PGUUID(as_uuid=True)
_caller = bindparam("account_id", type_=_UUID)
_ids = bindparam("mine", type_=ARRAY(_UUID))


class CancellationClosed(Conflict):
    code, title = "cancellation_closed", "It is too late to cancel this here; call the practice"


class ReschedulingClosed(Conflict):
    code, title = "rescheduling_closed", "It is too late to move this here; call the practice"


class ReschedulingOff(Forbidden):
    code, title = "rescheduling_off", "The practice moves appointments itself; call the practice"


def _mine(attendee: Any) -> ColumnElement[bool]:
    return and_(attendee.client_id == _ids.any_(), attendee.account_id.is_(None))


def _of_caller() -> Any:
    """The caller's clients in an appointment: nobody learns here who else comes."""
    beside = aliased(AppointmentAttendee)
    theirs = select(func.array_agg(beside.client_id)).where(beside.appointment_id == Appointment.id, _mine(beside))
    return theirs.correlate(Appointment).scalar_subquery()


def _reason() -> ColumnElement[Any]:
    """What somebody on the client's side gave as a reason is between them and the practice (F6.M3)."""
    others = and_(Appointment.cancelled_by_kind == "client", Appointment.cancelled_by != _caller)
    return case((others, null()), else_=Appointment.cancellation_reason)


COLUMNS = (
    Appointment.id,
    Appointment.state,
    _of_caller().label("client_ids"),
    Appointment.practitioner_id,
    func.jsonb_build_object(
        "id",
        StaffMember.id,
        "given_name",
        StaffMember.given_name,
        "family_name",
        StaffMember.family_name,
        "credentials",
        StaffMember.credentials,
    ).label("practitioner"),
    func.jsonb_build_object("id", Service.id, "name", Service.name).label("service"),
    Appointment.mode,
    case(
        (Location.id.is_(None), null()),
        else_=func.jsonb_build_object(
            "id",
            Location.id,
            "name",
            Location.name,
            "address",
            case((Location.hide_address, null()), else_=Location.address),
            "directions",
            case((Location.hide_address, null()), else_=Location.directions),
            "phone",
            Location.phone,
        ),
    ).label("location"),
    Appointment.starts_at,
    Appointment.ends_at,
    Appointment.time_zone,
    Appointment.confidential,
    money(Appointment.price_amount, Appointment.price_currency).label("price"),
    *reading.POLICY,
    Appointment.cancelled_at,
    Appointment.cancelled_by_kind,
    _reason().label("cancellation_reason"),
    Appointment.series_id,
    Appointment.request_id,
    Appointment.uid,
    Appointment.sequence,
    Appointment.created_at,
    Appointment.updated_at,
)


async def page(reader: Reader, principal: Principal, query: MyAppointmentQuery) -> dict[str, Any]:
    """What is to come, or the complete history (F15.M1). Raises NotFound, Forbidden without `appointments.view`."""
    pager = Pager(reader, principal, "me/appointments", query, "starts_at", "id")
    at, after = pager.position or (None, None)
    rows = await reader.rows(
        _many(past=query.past, resumed=pager.position is not None),
        mine=_ids_of(principal.must_be_permitted(VIEW, query.client_id)),
        account_id=principal.account_id,
        after_at=at and datetime.fromisoformat(at),
        after_id=after and UUID(after),
        limit=pager.limit + 1,
    )
    return pager.envelope([shown(row) for row in rows])


async def next_of(reader: Reader, profiles: Sequence[Profile]) -> dict[str, Any] | None:
    """The next appointment, running or to come, of those profiles whose appointments the caller may see."""
    mine = _ids_of(profile for profile in profiles if profile.may(VIEW))
    row = await reader.row(_many(past=False, resumed=False), mine=mine, account_id=None, limit=1)
    return shown(row) if row else None


async def get(source: Source, principal: Principal, appointment_id: UUID) -> dict[str, Any]:
    """One appointment. Raises NotFound."""
    found = await _row(source, principal, appointment_id, _ids_of(principal.permitted(VIEW)))
    if found is None:
        raise NotFound
    return shown(found)


async def cancel(
    session: Session, principal: Principal, appointment_id: UUID, data: MyCancellation | None
) -> dict[str, Any]:
    """Call it off; late, by the policy frozen in it, it costs the fee (F10.M8). The database's clock decides (A24).

    Raises NotFound, FeatureDisabled, InvalidState, CancellationClosed with the practice's phone.
    """
    given = data or MyCancellation()
    appointment = await _held(session, principal, appointment_id, given.client_id)
    now = await clock.now(session)
    stage = appointment.cancellation_stage(now)
    if stage is CancellationStage.CLOSED and appointment.state in TO_COME:
        raise CancellationClosed("It is too close to its start.", phone=await _phone(session))
    late = stage is CancellationStage.LATE
    await ending.end(session, principal, [appointment], now, late=late, reason=given.reason)
    return await get(session, principal, appointment_id)


async def reschedule(
    session: Session, principal: Principal, appointment_id: UUID, data: MyReschedule
) -> dict[str, Any]:
    """Move it to a time that clients are offered, while cancelling would still cost nothing: moving is no way round.

    Raises NotFound, FeatureDisabled, ReschedulingOff, ReschedulingClosed, InvalidState, SlotTaken with alternatives,
    Invalid for a time that is not offered.
    """
    appointment = await _held(session, principal, appointment_id, data.client_id)
    await _must_be_allowed(session, principal, appointment)
    appointment.must_be_movable()
    if appointment.cancellation_stage(await clock.now(session)) is not CancellationStage.FREE:
        raise ReschedulingClosed("It is too close to its start.", phone=await _phone(session))
    # Which room is free then, staff find out.
    appointment.room_id = None
    place = {"mode": appointment.mode, "location_id": appointment.location_id}
    wish = (appointment.practitioner_id, appointment.service_id, data.starts_at)
    async with alternatives.offered(session, CLIENTS, *wish, **place):
        await _must_be_offered(session, appointment, data.starts_at)
        await changing.retime(session, [(appointment, data.starts_at)], over_requests=False)
    await record(session, principal, "appointment.rescheduled", [appointment])
    return await get(session, principal, appointment_id)


async def _must_be_allowed(session: Session, principal: Principal, appointment: Appointment) -> None:
    """Who picks a time for themselves needs the practice to let clients do both: move, and ask for times."""
    allowed = (await session.execute(select(PortalSettings.allow_client_reschedule))).scalar_one()
    if not allowed:
        raise ReschedulingOff(phone=await _phone(session))
    for_whom = next(p.client_id for p in principal.profiles if p.client_id in appointment.client_ids)
    await features.require(session, principal, for_whom, Feature.APPOINTMENT_REQUESTS)


async def _must_be_offered(session: Session, appointment: Appointment, starts_at: datetime) -> None:
    """Its own time counts as free. Raises SlotTaken, Invalid for a time that is not one of the practitioner's."""
    await claims.release(session, appointment.id)
    day = starts_at.date()
    wish = Wish(
        appointment.service_id, [appointment.practitioner_id], day, day, appointment.mode, appointment.location_id
    )
    if await slots.offered(session, CLIENTS, wish, starts_at) is not None:
        return
    service = await changing.service_of(session, appointment)
    if await claims.is_taken(session, changing.span_of(appointment, service, starts_at)):
        raise SlotTaken("Somebody else was faster.")
    raise invalid("/starts_at", "not_offered", "Choose one of the times of GET /v1/me/slots.")


async def _held(session: Session, principal: Principal, appointment_id: UUID, client_id: UUID | None) -> Appointment:
    """The appointment, held for a change by somebody who acts for one of its clients.

    Raises NotFound, and FeatureDisabled where they see it but the feature is off for its client.
    """
    profiles = principal.permitted(VIEW) if client_id is None else (principal.profile(client_id, VIEW),)
    mine = _ids_of(profiles)
    found = await _row(session, principal, appointment_id, mine)
    withheld = replace(principal, profiles=tuple(profile for profile in principal.withheld if profile.may(VIEW)))
    if found is None and client_id is None and (others := withheld.client_ids):
        await session.rebind(authority.binding_of(withheld))
        if await _row(session, principal, appointment_id, list(others)):
            raise FeatureDisabled(feature=principal.feature)
    if found is None:
        raise NotFound
    (appointment,) = await reading.locked(session, found)
    return appointment


async def _row(source: Source, principal: Principal, appointment_id: UUID, mine: list[UUID]) -> dict[str, Any] | None:
    return await source.row(_one(), appointment_id=appointment_id, mine=mine, account_id=principal.account_id)


async def _phone(session: Session) -> str | None:
    this = select(Practice.phone).where(Practice.id == session.binding.practice_id)
    return (await session.execute(this)).scalar_one()


def _ids_of(profiles: Iterable[Profile]) -> list[UUID]:
    return [profile.client_id for profile in profiles]


def shown(row: dict[str, Any]) -> dict[str, Any]:
    del row["practitioner_id"]
    return reading.with_policy(row)


def rows() -> Rows:
    return (
        select(*COLUMNS)
        .select_from(Appointment)
        .join(StaffMember, StaffMember.id == Appointment.practitioner_id)
        .join(Service, Service.id == Appointment.service_id)
        .outerjoin(Location, Location.id == Appointment.location_id)
    )


@cache
def _one() -> Read:
    theirs = exists().where(AppointmentAttendee.appointment_id == Appointment.id, _mine(AppointmentAttendee))
    return Read(rows().where(Appointment.id == bindparam("appointment_id"), theirs))


@cache
def _many(*, past: bool, resumed: bool) -> Read:
    """The first of each client, then the first of those: an index in this order serves each, however long it is."""
    to_come = and_(Appointment.state.in_(TO_COME), Appointment.ends_at > func.now())
    start, last = AppointmentAttendee.starts_at, AppointmentAttendee.appointment_id
    conditions = [~to_come] if past else [to_come, start > func.now() - LONGEST_SESSION]
    if resumed:
        here, after = tuple_(start, last), tuple_(bindparam("after_at"), bindparam("after_id"))
        conditions.append(here < after if past else here > after)
    client = func.unnest(_ids).table_valued(column("id", _UUID)).render_derived(name="client_of_caller")
    each = (
        select(start, last)
        .join(Appointment, Appointment.id == last)
        .where(AppointmentAttendee.client_id == client.c.id, AppointmentAttendee.account_id.is_(None), *conditions)
        .order_by(*_order(start, last, past=past))
        .limit(bindparam("limit"))
        .lateral("each")
    )
    first = select(each.c.starts_at, each.c.appointment_id).select_from(client).join(each, true())
    # An appointment that several of the clients have comes once.
    first = first.group_by(each.c.starts_at, each.c.appointment_id)
    first = first.order_by(*_order(each.c.starts_at, each.c.appointment_id, past=past)).limit(bindparam("limit"))
    chosen = first.subquery("chosen")
    statement = rows().join(chosen, chosen.c.appointment_id == Appointment.id)
    return Read(statement.order_by(*_order(Appointment.starts_at, Appointment.id, past=past)))


def _order(start: Any, last: Any, *, past: bool) -> tuple[Any, Any]:
    return (start.desc(), last.desc()) if past else (start, last)
