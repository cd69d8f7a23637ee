"""How a practice reminds, how somebody wants to be reminded, and what became of an appointment's reminders."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, case, func, select
from sqlalchemy.dialects.postgresql import insert

from portal_api.core.access import Principal
from portal_api.core.db import Read, Reader, Session, Source
from portal_api.core.errors import NotFound, PreconditionFailed, invalid
from portal_api.models.portal import PortalSettings
from portal_api.models.scheduling import Reminder, ReminderPreference, ReminderSettings
from portal_api.schemas.base import PageQuery
from portal_api.schemas.scheduling.reminders import (
    Channel,
    QuietHours,
    ReminderPreferencePut,
    ReminderSettingsUpdate,
)
from portal_api.services import audit, clients
from portal_api.services.paging import Pager
from portal_api.services.scheduling.appointments import reading

SETTINGS = Read(
    select(
        ReminderSettings.offsets.label("offsets_minutes"),
        ReminderSettings.quiet_from,
        ReminderSettings.quiet_until,
        ReminderSettings.updated_at,
        ReminderSettings.version,
    )
)
PREFERENCE = Read(
    select(ReminderPreference.channels).where(ReminderPreference.recipient_id == bindparam("recipient_id"))
)
QUIET = {"quiet_from": 21 * 60, "quiet_until": 8 * 60}
UNSET: dict[str, Any] = {"offsets_minutes": [], **QUIET, "updated_at": None, "version": 0}
"""Nobody is reminded until a practice chooses to; the hours are what it will most likely want."""


async def get(source: Source) -> dict[str, Any]:
    """How the practice reminds."""
    row = await source.row(SETTINGS) or UNSET.copy()
    start, end = row.pop("quiet_from"), row.pop("quiet_until")
    return row | {"quiet_hours": None if start is None else {"start": _clock(start), "end": _clock(end)}}


async def update(
    session: Session, principal: Principal, data: ReminderSettingsUpdate, if_match: int | None
) -> dict[str, Any]:
    """Change how the practice reminds, for what is not sent yet. Raises PreconditionFailed, Invalid for a null."""
    # The row of the portal's settings is there from the start: its lock lets one of many make the other.
    await session.execute(select(PortalSettings.practice_id).with_for_update(key_share=True))
    current = await get(session)
    if if_match is not None and current["version"] != if_match:
        raise PreconditionFailed(current=current)
    row = (await session.execute(select(ReminderSettings))).scalar_one_or_none()
    if row is None:
        row = ReminderSettings(offsets=[], **QUIET)
        session.add(row)
    changes = data.given()
    if "offsets_minutes" in changes:
        if data.offsets_minutes is None:
            raise invalid("/offsets_minutes", "null_not_allowed", "Send an empty list to remind nobody.")
        row.offsets = data.offsets_minutes
    if "quiet_hours" in changes:
        row.quiet_from, row.quiet_until = _minutes(data.quiet_hours)
    await session.flush()
    after = await get(session)
    moved = {name: {"from": current[name], "to": after[name]} for name in changes if current[name] != after[name]}
    resource = ("practice", session.binding.practice_id)
    await audit.record(session, principal, "reminders.updated", resource=resource, changed=moved, details=moved)
    return after


async def own_preference(source: Source, principal: Principal) -> dict[str, Any]:
    """How the holder of an account wants to be reminded, of whomever's appointments."""
    assert principal.account_id is not None  # noqa: S101 - the route is for accounts
    return await _preference(source, principal.account_id)


async def put_own_preference(session: Session, principal: Principal, data: ReminderPreferencePut) -> dict[str, Any]:
    """Choose how to be reminded."""
    assert principal.account_id is not None  # noqa: S101 - the route is for accounts
    await _put(session, principal.account_id, data)
    resource = ("account", principal.account_id)
    await audit.record(
        session, principal, "reminder_preference.set", resource=resource, details={"channels": data.channels}
    )
    return await own_preference(session, principal)


async def preference_of(source: Source, principal: Principal, client_id: UUID) -> dict[str, Any]:
    """How staff were told that a client wants to be reminded. Raises NotFound."""
    await clients.must_see(source, principal, client_id)
    return await _preference(source, client_id)


async def put_preference_of(
    session: Session, principal: Principal, client_id: UUID, data: ReminderPreferencePut
) -> dict[str, Any]:
    """Write down what a client told; it narrows what the client's own login says. Raises NotFound."""
    await clients.locked(session, principal, client_id)
    await _put(session, client_id, data)
    await audit.record(
        session,
        principal,
        "reminder_preference.set",
        resource=("client", client_id),
        clients=[client_id],
        details={"channels": data.channels},
    )
    return await preference_of(session, principal, client_id)


async def page_of(reader: Reader, principal: Principal, appointment_id: UUID, query: PageQuery) -> dict[str, Any]:
    """What was sent of an appointment, and what will be in the next hours. Raises NotFound."""
    everyone = reading.sees_all(principal)
    read = reading.one(everyone=everyone)
    if await reader.row(read, appointment_id=appointment_id, staff_id=principal.staff_id) is None:
        raise NotFound
    pager = Pager(reader, principal, f"reminders/{appointment_id}", query, "id")
    after_id = UUID(pager.position[0]) if pager.position else None
    rows = await reader.rows(
        _of_appointment(resumed=after_id is not None),
        appointment_id=appointment_id,
        after_id=after_id,
        limit=pager.limit + 1,
    )
    audit.viewed(reader, principal, "reminders.listed", {row["client_id"] for row in rows})
    return pager.envelope(rows)


async def _preference(source: Source, recipient_id: UUID) -> dict[str, Any]:
    return await source.row(PREFERENCE, recipient_id=recipient_id) or {"channels": list(Channel)}


async def _put(session: Session, recipient_id: UUID, data: ReminderPreferencePut) -> None:
    channels = sorted(set(data.channels))
    row = insert(ReminderPreference).values(
        practice_id=session.binding.practice_id, recipient_id=recipient_id, channels=channels
    )
    await session.execute(
        row.on_conflict_do_update(
            index_elements=["practice_id", "recipient_id"], set_={"channels": channels, "updated_at": func.now()}
        )
    )


def _minutes(quiet: QuietHours | None) -> tuple[int | None, int | None]:
    if quiet is None:
        return None, None
    start, end = (int(clock[:2]) * 60 + int(clock[3:]) for clock in (quiet.start, quiet.end))
    return start, end


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


@cache
def _of_appointment(*, resumed: bool) -> Read:
    statement: Any = select(
        Reminder.id,
        Reminder.client_id,
        case((Reminder.account_id.is_(None), "client"), else_="guardian").label("recipient"),
        Reminder.account_id,
        Reminder.channel,
        Reminder.offset_minutes,
        Reminder.due_at,
        Reminder.state,
        Reminder.reason,
        Reminder.finished_at,
    ).where(Reminder.appointment_id == bindparam("appointment_id"))
    if resumed:
        statement = statement.where(Reminder.id > bindparam("after_id"))
    return Read(statement.order_by(Reminder.id).limit(bindparam("limit")))
