"""Services: what can be booked."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, case, delete, func, null, select, true, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Read, Reader, Rows, Session, Source
from portal_api.core.errors import Conflict, NotFound, PreconditionFailed, invalid, on_constraint
from portal_api.core.ids import new_id
from portal_api.models.scheduling import Audience, Service, ServiceOffer
from portal_api.schemas.base import Money
from portal_api.schemas.scheduling.services import ServiceCreate, ServiceFilters, ServiceUpdate
from portal_api.services import audit
from portal_api.services.paging import Pager
from portal_api.services.scheduling import practitioners

CLEARABLE = {
    *("description", "slot_interval_minutes", "fixed_start_minute", "max_per_day", "max_open_per_client"),
    *("price", "late_cancellation_fee", "practitioner_ids", "reminder_offsets_minutes"),
}
MONEY = ("price", "late_cancellation_fee")


def money(amount: InstrumentedAttribute[int | None], currency: InstrumentedAttribute[str | None]) -> ColumnElement[Any]:
    """A pair of columns as Money; null where there is none."""
    pair = func.jsonb_build_object("amount", amount, "currency", currency)
    return case((amount.is_(None), null()), else_=pair)


_offered_by = (
    select(func.array_agg(ServiceOffer.practitioner_id))
    .where(ServiceOffer.service_id == Service.id)
    .correlate(Service)
    .scalar_subquery()
)
PRICE = money(Service.price_amount, Service.price_currency).label("price")
COLUMNS = (
    Service.id,
    Service.name,
    Service.description,
    Service.duration_minutes,
    Service.buffer_before_minutes,
    Service.buffer_after_minutes,
    Service.modes,
    Service.min_notice_minutes,
    Service.horizon_days,
    Service.slot_interval_minutes,
    Service.fixed_start_minute,
    Service.max_per_day,
    Service.max_open_per_client,
    PRICE,
    money(Service.late_cancellation_fee_amount, Service.late_cancellation_fee_currency).label("late_cancellation_fee"),
    Service.audience,
    Service.client_bookable,
    Service.auto_accept,
    _offered_by.label("practitioner_ids"),
    Service.reminder_offsets_minutes,
    Service.archived_at,
    Service.created_at,
    Service.updated_at,
    Service.version,
)
ONE = Read(select(*COLUMNS).where(Service.id == bindparam("service_id")))


class ServiceNameTaken(Conflict):
    code, title = "name_taken", "Another one has this name"


on_constraint("uq_service_name", ServiceNameTaken)


async def page(reader: Reader, principal: Principal, filters: ServiceFilters) -> dict[str, Any]:
    """The services by name; clients see those in use that they can book."""
    pager = Pager(reader, principal, "services", filters, "name", "id")
    read = _many(
        archived=filters.archived and not principal.is_client,
        for_clients=principal.is_client,
        of_practitioner=filters.practitioner_id is not None,
        resumed=pager.position is not None,
    )
    name, after = pager.position or (None, None)
    rows = await reader.rows(
        read,
        practitioner_id=filters.practitioner_id,
        after_name=name,
        after_id=after and UUID(after),
        limit=pager.limit + 1,
    )
    return pager.envelope(rows)


async def get(source: Source, principal: Principal, service_id: UUID) -> dict[str, Any]:
    """One service. Raises NotFound, for clients also where they cannot book it."""
    row = await source.row(ONE, service_id=service_id)
    if row is None or (principal.is_client and not _bookable_by_clients(row)):
        raise NotFound
    return row


async def create(session: Session, principal: Principal, data: ServiceCreate) -> dict[str, Any]:
    """Add a service. Raises Invalid for a practitioner who is none, ServiceNameTaken."""
    service = Service(id=new_id(), **data.model_dump(exclude={*MONEY, "practitioner_ids"}))
    for name in MONEY:
        _set_money(service, name, getattr(data, name))
    session.add(service)
    await session.flush()
    await _offer(session, service, data.practitioner_ids)
    await audit.record(session, principal, "service.created", resource=("service", service.id))
    return await get(session, principal, service.id)


async def update(
    session: Session, principal: Principal, service_id: UUID, data: ServiceUpdate, if_match: int | None
) -> dict[str, Any]:
    """Change what is given; what is booked already stays as it was booked.

    Raises NotFound, PreconditionFailed with the current copy, Invalid, ServiceNameTaken.
    """
    service = await _locked(session, service_id)
    if if_match is not None and service.version != if_match:
        raise PreconditionFailed(current=await get(session, principal, service_id))
    changes = data.given()
    if "practitioner_ids" in changes:
        await _offer(session, service, data.practitioner_ids)
    service.updated_at = await clock.now(session)
    for name, value in changes.items():
        if value is None and name not in CLEARABLE:
            raise invalid(f"/{name}", "null_not_allowed", "This cannot be cleared.")
        if name in MONEY:
            _set_money(service, name, value)
        elif name != "practitioner_ids":
            setattr(service, name, value)
    await session.flush()
    await audit.record(session, principal, "service.updated", resource=("service", service.id), changed=changes)
    return await get(session, principal, service_id)


async def archive(session: Session, principal: Principal, service_id: UUID) -> dict[str, Any]:
    """Take a service out of use: nobody books it any more. Raises NotFound, InvalidState."""
    service = await _locked(session, service_id)
    service.archive(await clock.now(session))
    await session.flush()
    await audit.record(session, principal, "service.archived", resource=("service", service.id))
    return await get(session, principal, service_id)


async def restore(session: Session, principal: Principal, service_id: UUID) -> dict[str, Any]:
    """Take an archived service into use again. Raises NotFound, InvalidState, ServiceNameTaken."""
    service = await _locked(session, service_id)
    service.restore()
    await session.flush()
    await audit.record(session, principal, "service.restored", resource=("service", service.id))
    return await get(session, principal, service_id)


async def must_be_in_use(session: Session, service_ids: set[UUID], pointer: str) -> None:
    """Raise Invalid unless all of them are services of the practice that are in use."""
    known = select(Service.id).where(Service.id.in_(service_ids), Service.archived_at.is_(None))
    if service_ids and service_ids - {UUID(str(found)) for found in await session.scalars(known)}:
        raise invalid(pointer, "unknown_service", "Name services of the practice that are in use.")


def offered_by(practitioner_id: Any) -> ColumnElement[bool]:
    """Whether the practitioner offers the service: those without a list are offered by everybody."""
    listed = select(func.bool_or(ServiceOffer.practitioner_id == practitioner_id))
    this = listed.where(ServiceOffer.service_id == Service.id).correlate_except(ServiceOffer)
    return func.coalesce(this.scalar_subquery(), true())


def _bookable_by_clients(row: dict[str, Any]) -> bool:
    return row["client_bookable"] and row["audience"] != Audience.NEW and row["archived_at"] is None


def _set_money(service: Service, name: str, value: Money | None) -> None:
    setattr(service, f"{name}_amount", value.amount if value else None)
    setattr(service, f"{name}_currency", value.currency if value else None)


async def _offer(session: Session, service: Service, practitioner_ids: list[UUID] | None) -> None:
    wanted = set(practitioner_ids or ())
    await practitioners.must_practise(session, wanted, "/practitioner_ids")
    await session.execute(delete(ServiceOffer).where(ServiceOffer.service_id == service.id))
    session.add_all(ServiceOffer(service_id=service.id, practitioner_id=each) for each in wanted)
    await session.flush()


async def _locked(session: Session, service_id: UUID) -> Service:
    held = select(Service).where(Service.id == service_id).with_for_update(key_share=True)
    service = (await session.execute(held)).scalar_one_or_none()
    if service is None:
        raise NotFound
    return service


@cache
def _many(*, archived: bool, for_clients: bool, of_practitioner: bool, resumed: bool) -> Read:
    wanted = Service.archived_at.is_not(None) if archived else Service.archived_at.is_(None)
    statement: Rows = select(*COLUMNS).where(wanted)
    if for_clients:
        statement = statement.where(Service.client_bookable, Service.audience != Audience.NEW)
    if of_practitioner:
        statement = statement.where(offered_by(bindparam("practitioner_id")))
    if resumed:
        after = tuple_(bindparam("after_name"), bindparam("after_id"))
        statement = statement.where(tuple_(Service.name, Service.id) > after)
    return Read(statement.order_by(Service.name, Service.id).limit(bindparam("limit")))
