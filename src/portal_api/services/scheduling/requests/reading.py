"""Which requests a caller sees, and how they are read."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, exists, func, null, or_, select, true, union_all
from sqlalchemy.dialects.postgresql import UUID as PGUUID

from portal_api.core.access import Permission, Principal
from portal_api.core.db import Read, Reader, Rows, Session, Source
from portal_api.core.errors import NotFound
from portal_api.models.clients import Client
from portal_api.models.prospects import Prospect
from portal_api.models.scheduling import Appointment, AppointmentRequest
from portal_api.models.staff import StaffMember, Supervision
from portal_api.schemas.scheduling.requests import MyRequestFilters, RequestFilters
from portal_api.services import audit
from portal_api.services.paging import Pager
from portal_api.services.scheduling import practitioners

_appointment_id = (
    select(Appointment.id)
    .where(Appointment.request_id == AppointmentRequest.id)
    .order_by(Appointment.id)
    .limit(1)
    .correlate(AppointmentRequest)
    .scalar_subquery()
)
EVERYBODYS = (
    AppointmentRequest.id,
    AppointmentRequest.state_now().label("state"),
    AppointmentRequest.client_id,
    AppointmentRequest.practitioner_id,
    AppointmentRequest.service_id,
    AppointmentRequest.location_id,
    AppointmentRequest.mode,
    AppointmentRequest.starts_at,
    AppointmentRequest.ends_at,
    AppointmentRequest.confidential,
    AppointmentRequest.offered_starts_at,
    AppointmentRequest.offered_ends_at,
    AppointmentRequest.offered_at,
    AppointmentRequest.offer_message,
    AppointmentRequest.expires_at,
    AppointmentRequest.decided_at,
    _appointment_id.label("appointment_id"),
    AppointmentRequest.created_at,
    AppointmentRequest.updated_at,
    AppointmentRequest.version,
)
STAFFS = (
    AppointmentRequest.note,
    AppointmentRequest.decision_message,
    AppointmentRequest.prospect_id,
    AppointmentRequest.account_id,
    AppointmentRequest.requested_at,
    AppointmentRequest.displaced_at,
    AppointmentRequest.offered_by,
    AppointmentRequest.decided_by,
    func.coalesce(Client.given_name, Prospect.given_name).label("given_name"),
    func.coalesce(Client.family_name, Prospect.family_name).label("family_name"),
    Client.preferred_name,
)
_caller = bindparam("account_id", type_=PGUUID(as_uuid=True))
_by_staff = exists().where(StaffMember.account_id == AppointmentRequest.decided_by)
MINE = (
    case((AppointmentRequest.account_id == _caller, AppointmentRequest.note), else_=null()).label("note"),
    case(
        (or_(AppointmentRequest.decided_by == _caller, _by_staff), AppointmentRequest.decision_message), else_=null()
    ).label("decision_message"),
)
"""What one of those who act for a client writes is between them and the practice (F6.M3)."""
_OFFER = {
    "starts_at": "offered_starts_at",
    "ends_at": "offered_ends_at",
    "message": "offer_message",
    "offered_at": "offered_at",
}
_REQUESTER = ("given_name", "family_name", "preferred_name")
_staff = bindparam("staff_id", type_=PGUUID(as_uuid=True))
# What is only held, and what was until it expired, has been put before nobody.
PUT_FORWARD = AppointmentRequest.requested_at.is_not(None)


async def page_mine(reader: Reader, principal: Principal, filters: MyRequestFilters) -> dict[str, Any]:
    """The requests for the caller's clients, newest first. Raises NotFound, FeatureDisabled for another client."""
    if filters.client_id is not None:
        principal.profile(filters.client_id)
    pager = Pager(reader, principal, "my-appointment-requests", filters, "id")
    rows = await reader.rows(
        _mine(filters.state, of_client=filters.client_id is not None, resumed=pager.position is not None),
        client_id=filters.client_id,
        account_id=principal.account_id,
        after_id=UUID(pager.position[0]) if pager.position else None,
        limit=pager.limit + 1,
    )
    return pager.envelope([shaped(row) for row in rows])


async def get_mine(source: Source, principal: Principal, request_id: UUID) -> dict[str, Any]:
    """One request for a client of the caller. Raises NotFound."""
    row = await source.row(_my_one(), request_id=request_id, account_id=principal.account_id)
    if row is None:
        raise NotFound
    return shaped(row)


async def page(reader: Reader, principal: Principal, filters: RequestFilters) -> dict[str, Any]:
    """The requests on the calendars that the caller sees, newest first."""
    pager = Pager(reader, principal, "appointment-requests", filters, "id")
    read = _many(
        sees_all(principal),
        filters.state,
        of_practitioner=filters.practitioner_id is not None,
        of_client=filters.client_id is not None,
        of_prospect=filters.prospect_id is not None,
        resumed=pager.position is not None,
    )
    rows = await reader.rows(
        read,
        staff_id=principal.staff_id,
        practitioner_id=filters.practitioner_id,
        client_id=filters.client_id,
        prospect_id=filters.prospect_id,
        after_id=UUID(pager.position[0]) if pager.position else None,
        limit=pager.limit + 1,
    )
    answer = pager.envelope([shaped_for_staff(row) for row in rows])
    seen = {row["client_id"] for row in answer["data"] if row["client_id"] is not None}
    audit.viewed(reader, principal, "appointment_requests.listed", seen)
    return answer


async def get(source: Source, principal: Principal, request_id: UUID) -> dict[str, Any]:
    """One request on a calendar that the caller sees. Raises NotFound."""
    row = await source.row(_one(sees_all(principal)), request_id=request_id, staff_id=principal.staff_id)
    if row is None:
        raise NotFound
    if isinstance(source, Reader):
        clients = [row["client_id"]] if row["client_id"] else []
        audit.viewed(source, principal, "appointment_request.viewed", clients)
    return shaped_for_staff(row)


async def held(session: Session, request_id: UUID) -> tuple[AppointmentRequest, StaffMember]:
    """The request and its practitioner, both locked, in this order (docs/decisions/0011). Raises NotFound."""
    its_practitioner = select(AppointmentRequest.practitioner_id).where(AppointmentRequest.id == request_id)
    practitioner_id = await session.scalar(its_practitioner)
    if practitioner_id is None:
        raise NotFound
    practitioner_id = UUID(str(practitioner_id))
    staff = await practitioners.locked(session, [practitioner_id])
    return await locked(session, request_id), staff[practitioner_id]


async def locked(session: Session, request_id: UUID) -> AppointmentRequest:
    """The request as it is now; its practitioner is locked already. Raises NotFound."""
    this = select(AppointmentRequest).where(AppointmentRequest.id == request_id)
    fresh = this.with_for_update(key_share=True).execution_options(populate_existing=True)
    request = await session.scalar(fresh)
    if request is None:
        raise NotFound
    return request


def shaped(row: dict[str, Any]) -> dict[str, Any]:
    flat = {name: row.pop(column) for name, column in _OFFER.items()}
    return row | {"counter_offer": flat if flat["starts_at"] else None}


def shaped_for_staff(row: dict[str, Any]) -> dict[str, Any]:
    asker = {name: row.pop(name) for name in _REQUESTER}
    requester = {"client_id": row["client_id"], "prospect_id": row.pop("prospect_id")} | asker
    return shaped(row) | {"requester": requester}


def sees_all(principal: Principal) -> bool:
    return principal.may(Permission.APPOINTMENTS_WRITE_ALL)


def _visible(statement: Rows, everyones: bool) -> Rows:
    """One's own calendar and those one supervises; every calendar for who keeps all of them."""
    if everyones:
        return statement
    own = AppointmentRequest.practitioner_id == _staff
    return statement.where(or_(own, AppointmentRequest.practitioner_id.in_(_supervised().scalar_subquery())))


def _supervised() -> Select[UUID]:
    return select(Supervision.supervised_id).where(Supervision.supervisor_id == _staff)


def _over_calendars(conditions: list[ColumnElement[bool]]) -> Rows:
    """The newest of each calendar that the caller sees, then the newest of those: never the whole practice's."""
    calendars = union_all(select(_staff.label("id")), _supervised()).subquery("calendar")
    each = _newest(
        select(AppointmentRequest.id).where(AppointmentRequest.practitioner_id == calendars.c.id, *conditions)
    ).lateral("each")
    first = select(each.c.id).select_from(calendars).join(each, true()).order_by(each.c.id.desc())
    newest = first.limit(bindparam("limit")).subquery("newest")
    return for_staff().join(newest, newest.c.id == AppointmentRequest.id).order_by(AppointmentRequest.id.desc())


def _in_state(state: str) -> ColumnElement[bool]:
    """By what is stored of it, so that an index serves it."""
    stored, now = AppointmentRequest.state, AppointmentRequest.state_now()
    if state == "expired":
        return and_(stored.in_(("expired", "requested")), now == "expired")
    return and_(stored == state, now == state)


@cache
def _my_one() -> Read:
    return Read(select(*EVERYBODYS, *MINE).where(AppointmentRequest.id == bindparam("request_id"), PUT_FORWARD))


@cache
def _mine(state: str | None, *, of_client: bool, resumed: bool) -> Read:
    conditions = _conditions(state, resumed=resumed)
    if of_client:
        conditions.append(AppointmentRequest.client_id == bindparam("client_id"))
    return Read(_newest(select(*EVERYBODYS, *MINE).where(*conditions)))


def for_staff() -> Rows:
    return (
        select(*EVERYBODYS, *STAFFS)
        .outerjoin(Client, Client.id == AppointmentRequest.client_id)
        .outerjoin(Prospect, Prospect.id == AppointmentRequest.prospect_id)
    )


@cache
def _one(everyones: bool) -> Read:
    this = AppointmentRequest.id == bindparam("request_id")
    return Read(_visible(for_staff().where(this, PUT_FORWARD), everyones))


@cache
def _many(
    everyones: bool, state: str | None, *, of_practitioner: bool, of_client: bool, of_prospect: bool, resumed: bool
) -> Read:
    conditions = _conditions(state, resumed=resumed)
    if of_practitioner:
        conditions.append(AppointmentRequest.practitioner_id == bindparam("practitioner_id"))
    if of_client:
        conditions.append(AppointmentRequest.client_id == bindparam("client_id"))
    if of_prospect:
        conditions.append(AppointmentRequest.prospect_id == bindparam("prospect_id"))
    if not (everyones or of_practitioner or of_client or of_prospect):
        return Read(_over_calendars(conditions))
    return Read(_newest(_visible(for_staff().where(*conditions), everyones)))


def _conditions(state: str | None, *, resumed: bool) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [PUT_FORWARD]
    if state is not None:
        conditions.append(_in_state(state))
    if resumed:
        conditions.append(AppointmentRequest.id < bindparam("after_id"))
    return conditions


def _newest(statement: Rows) -> Rows:
    return statement.order_by(AppointmentRequest.id.desc()).limit(bindparam("limit"))
