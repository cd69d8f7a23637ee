"""People who have no chart yet: what of the practice's times is open for them (F1.M3, SH-29)."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import and_, bindparam, exists, func, literal_column, select, tuple_
from sqlalchemy.dialects.postgresql import aggregate_order_by

from portal_api.core.access import Feature, Principal
from portal_api.core.db import Read, Reader, Source
from portal_api.core.errors import NotFound
from portal_api.models.features import FeatureSetting, Scope
from portal_api.models.portal import PortalSettings
from portal_api.models.scheduling import Audience, Schedule, Service
from portal_api.models.staff import StaffMember
from portal_api.schemas.base import PageQuery
from portal_api.services.auth import practice_door
from portal_api.services.paging import Pager
from portal_api.services.scheduling import bookable, services

_takes_requests = exists().where(
    FeatureSetting.scope == Scope.PRACTICE,
    FeatureSetting.subject_id == PortalSettings.practice_id,
    FeatureSetting.feature == Feature.APPOINTMENT_REQUESTS,
    FeatureSetting.enabled.is_(True),
)
_takes_them = and_(
    PortalSettings.enabled,
    PortalSettings.allow_new_client_requests,
    _takes_requests,
)
_admits_them = bookable.admits(Audience.NEW)
_receives_them = bookable.receives(Audience.NEW)
TAKES_THEM = Read(select(_takes_them.label("open")).select_from(PortalSettings))
_somebody = (
    select(StaffMember.id)
    .join(Schedule, Schedule.practitioner_id == StaffMember.id)
    .where(_receives_them, services.offered_by(StaffMember.id))
    .correlate(Service)
)
_something = select(Service.id).where(_admits_them, _somebody.exists()).correlate(None)
CAN_BOOK = Read(select(and_(_takes_them, _something.exists()).label("open")).select_from(PortalSettings))


async def can_book(reader: Reader) -> bool:
    """Whether there is a service, and somebody with hours for it, that a person without a chart can ask for."""
    row = await reader.row(CAN_BOOK)
    return bool(row and row["open"])


async def enter(reader: Reader, link: str) -> None:
    """Bind a visitor's reader to the practice. Raises NotFound, the same for a closed portal and an unknown link."""
    await practice_door.enter(reader, link)
    if not await are_taken(reader):
        raise NotFound


async def are_taken(source: Source) -> bool:
    """Whether the practice takes requests of people without a chart."""
    row = await source.row(TAKES_THEM)
    return bool(row and row["open"])


async def page_services(reader: Reader, visitor: Principal, link: str, query: PageQuery) -> dict[str, Any]:
    """What they can ask for, and with whom, by name. Raises NotFound."""
    await enter(reader, link)
    pager = Pager(reader, visitor, f"portal-services/{link.lower()}", query, "name", "id")
    name, after = pager.position or (None, None)
    read = _services(resumed=pager.position is not None)
    rows = await reader.rows(read, after_name=name, after_id=after and UUID(after), limit=pager.limit + 1)
    return pager.envelope(rows)


_practitioners = (
    select(
        func.coalesce(
            func.jsonb_agg(
                aggregate_order_by(
                    func.jsonb_build_object(
                        *("id", StaffMember.id),
                        *("display_name", StaffMember.given_name + " " + StaffMember.family_name),
                        *("credentials", StaffMember.credentials),
                    ),
                    StaffMember.family_name,
                    StaffMember.id,
                )
            ),
            literal_column("'[]'::jsonb"),
        )
    )
    .select_from(StaffMember)
    .join(Schedule, Schedule.practitioner_id == StaffMember.id)
    .where(_receives_them, services.offered_by(StaffMember.id))
    .correlate(Service)
    .scalar_subquery()
)


@cache
def _services(*, resumed: bool) -> Read:
    statement = select(
        Service.id,
        Service.name,
        Service.description,
        Service.duration_minutes,
        Service.modes,
        services.PRICE,
        _practitioners.label("practitioners"),
    ).where(_admits_them)
    if resumed:
        after = tuple_(bindparam("after_name"), bindparam("after_id"))
        statement = statement.where(tuple_(Service.name, Service.id) > after)
    return Read(statement.order_by(Service.name, Service.id).limit(bindparam("limit")))
