"""When practitioners are away."""

from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select, tuple_

from portal_api.core.access import Permission, Principal
from portal_api.core.db import Read, Reader, Rows, Session
from portal_api.core.errors import NotFound
from portal_api.core.ids import new_id
from portal_api.models.scheduling import Claim, TimeOff
from portal_api.schemas.scheduling.availability import TimeOffCreate, TimeOffFilters
from portal_api.services import audit
from portal_api.services.paging import Pager
from portal_api.services.scheduling import practitioners
from portal_api.services.scheduling.claims import LONGEST

_conflicts = (
    select(func.count())
    .select_from(Claim)
    .where(
        Claim.practitioner_id == TimeOff.practitioner_id,
        Claim.appointment_id.is_not(None),
        Claim.blocked_from > TimeOff.starts_at - LONGEST,
        Claim.starts_at < TimeOff.ends_at,
        Claim.ends_at > TimeOff.starts_at,
    )
    .correlate(TimeOff)
    .scalar_subquery()
)
COLUMNS = (
    TimeOff.id,
    TimeOff.practitioner_id,
    TimeOff.starts_at,
    TimeOff.ends_at,
    TimeOff.reason,
    _conflicts.label("conflicts"),
    TimeOff.created_at,
)
ONE = Read(select(*COLUMNS).where(TimeOff.id == bindparam("time_off_id")))


async def page(reader: Reader, practitioner_id: UUID, principal: Principal, filters: TimeOffFilters) -> dict[str, Any]:
    """A practitioner's time off, what ends next first; with `past`, what ended last first. Raises NotFound."""
    await practitioners.must_exist(reader, practitioner_id)
    pager = Pager(reader, principal, f"time-off/{practitioner_id}", filters, "ends_at", "id")
    at, after = pager.position or (None, None)
    rows = await reader.rows(
        _many(past=filters.past, resumed=pager.position is not None),
        practitioner_id=practitioner_id,
        after_at=at and datetime.fromisoformat(at),
        after_id=after and UUID(after),
        limit=pager.limit + 1,
    )
    return pager.envelope(rows)


async def create(session: Session, principal: Principal, practitioner_id: UUID, data: TimeOffCreate) -> dict[str, Any]:
    """Nobody is offered a time in it any more; appointments in it stay. Raises NotFound, Forbidden, Invalid."""
    practitioners.must_be_own(principal, practitioner_id, Permission.AVAILABILITY_MANAGE)
    await practitioners.locked(session, [practitioner_id])
    await practitioners.must_practise(session, [practitioner_id], "/practitioner_id")
    time_off = TimeOff(
        id=new_id(), practitioner_id=practitioner_id, created_by=principal.account_id, **data.model_dump()
    )
    session.add(time_off)
    await session.flush()
    await audit.record(session, principal, "time_off.created", resource=("time_off", time_off.id))
    row = await session.row(ONE, time_off_id=time_off.id)
    assert row is not None  # noqa: S101 - made above
    return row


async def remove(session: Session, principal: Principal, time_off_id: UUID) -> None:
    """The time is offered again. Raises NotFound, Forbidden."""
    this = select(TimeOff).where(TimeOff.id == time_off_id)
    time_off = (await session.execute(this.with_for_update())).scalar_one_or_none()
    if time_off is None:
        raise NotFound
    practitioners.must_be_own(principal, time_off.practitioner_id, Permission.AVAILABILITY_MANAGE)
    await session.delete(time_off)
    await session.flush()
    await audit.record(session, principal, "time_off.removed", resource=("time_off", time_off_id))


@cache
def _many(*, past: bool, resumed: bool) -> Read:
    over = TimeOff.ends_at <= func.now() if past else TimeOff.ends_at > func.now()
    statement: Rows = select(*COLUMNS).where(TimeOff.practitioner_id == bindparam("practitioner_id"), over)
    if resumed:
        here, after = tuple_(TimeOff.ends_at, TimeOff.id), tuple_(bindparam("after_at"), bindparam("after_id"))
        statement = statement.where(here < after if past else here > after)
    order = (TimeOff.ends_at.desc(), TimeOff.id.desc()) if past else (TimeOff.ends_at, TimeOff.id)
    return Read(statement.order_by(*order).limit(bindparam("limit")))
