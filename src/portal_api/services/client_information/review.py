"""Staff look at what clients want changed, field by field (F7.B2)."""

from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Read, Reader, Rows, Session, Source
from portal_api.core.errors import Conflict, InvalidState, NotFound, PreconditionFailed, invalid
from portal_api.models.client_information import ClientChange
from portal_api.models.clients import Client
from portal_api.schemas.base import PageQuery
from portal_api.schemas.client_information import ChangeAcceptance, ChangeRejection, ClientChangeFilters
from portal_api.services import audit, clients
from portal_api.services.client_information.charts import NAMES, restored, stored
from portal_api.services.clients import reading
from portal_api.services.paging import Pager

_COLUMNS = (
    ClientChange.id,
    ClientChange.client_id,
    ClientChange.account_id,
    ClientChange.relationship,
    ClientChange.state,
    ClientChange.fields,
    ClientChange.created_at,
    ClientChange.updated_at,
    ClientChange.version,
    *(getattr(Client, name).label(f"now_{name}") for name in NAMES),
)


class ChangeConflict(Conflict):
    """`fields` says where; `overwrite` is how staff insist."""

    code, title = "change_conflict", "The chart was changed since the client wrote"


def _changes() -> Rows:
    return select(*_COLUMNS).join(Client, Client.id == ClientChange.client_id)


@cache
def _one(everyone: bool) -> Read:
    return Read(reading.visible(_changes().where(ClientChange.id == bindparam("change_id")), everyone))


@cache
def _queue(everyone: bool, *, of_one: bool, resumed: bool) -> Read:
    """What waits for a decision, oldest first."""
    statement = _changes().where(ClientChange.state == "pending")
    if of_one:
        statement = statement.where(ClientChange.client_id == bindparam("client_id"))
    if resumed:
        statement = statement.where(ClientChange.id > bindparam("after_id"))
    return Read(reading.visible(statement, everyone).order_by(ClientChange.id).limit(bindparam("limit")))


@cache
def _history(*, resumed: bool) -> Read:
    """All that was ever asked for one client, newest first."""
    statement = _changes().where(ClientChange.client_id == bindparam("client_id"))
    if resumed:
        statement = statement.where(ClientChange.id < bindparam("after_id"))
    return Read(statement.order_by(ClientChange.id.desc()).limit(bindparam("limit")))


async def page(reader: Reader, principal: Principal, filters: ClientChangeFilters) -> dict[str, Any]:
    """The queue of those whom the caller sees."""
    everyone = reading.sees_all(principal)
    pager = Pager(reader, principal, "client_changes", filters, "id")
    after_id = UUID(pager.position[0]) if pager.position else None
    rows = await reader.rows(
        _queue(everyone, of_one=filters.client_id is not None, resumed=after_id is not None),
        staff_id=principal.staff_id,
        client_id=filters.client_id,
        after_id=after_id,
        limit=pager.limit + 1,
    )
    return _listed(reader, principal, pager.envelope(rows))


async def page_of(reader: Reader, principal: Principal, client_id: UUID, query: PageQuery) -> dict[str, Any]:
    """What was asked for one client, decided or not. Raises NotFound."""
    await clients.must_see(reader, principal, client_id)
    pager = Pager(reader, principal, f"client_changes/{client_id}", query, "id")
    after_id = UUID(pager.position[0]) if pager.position else None
    read = _history(resumed=after_id is not None)
    rows = await reader.rows(read, client_id=client_id, after_id=after_id, limit=pager.limit + 1)
    return _listed(reader, principal, pager.envelope(rows))


async def get(source: Source, principal: Principal, change_id: UUID) -> dict[str, Any]:
    """One set of changes beside what the chart says now. Raises NotFound."""
    read = _one(reading.sees_all(principal))
    row = await source.row(read, change_id=change_id, staff_id=principal.staff_id)
    if row is None:
        raise NotFound
    if isinstance(source, Reader):
        audit.viewed(source, principal, "client_changes.listed", [row["client_id"]])
    return _view(row)


async def accept(
    session: Session, principal: Principal, change_id: UUID, data: ChangeAcceptance, if_match: int | None
) -> dict[str, Any]:
    """Put fields into the chart. Raises NotFound, PreconditionFailed, InvalidState, ChangeConflict, Invalid."""
    change, client = await _held(session, principal, change_id, if_match)
    names = _chosen(change, data.fields)
    chart = {name: stored(getattr(client, name)) for name in names}
    conflicts = [name for name in names if _conflicts(change.fields[name], chart[name])]
    if conflicts and not data.overwrite:
        raise ChangeConflict("Compare `current` with `proposed`, then say which holds.", fields=conflicts)
    proposed = {name: restored(name, change.fields[name]["proposed"]) for name in names}
    await clients.write(session, client, proposed)
    change.decide(names, "accepted", await clock.now(session), principal.account_id, None)
    await session.flush()
    about = {"clients": [client.id], "changed": names}
    await audit.record(session, principal, "client_change.accepted", resource=("client_change", change.id), **about)
    await audit.record(session, principal, "client.updated", resource=("client", client.id), **about)
    return await get(session, principal, change_id)


async def reject(
    session: Session, principal: Principal, change_id: UUID, data: ChangeRejection, if_match: int | None
) -> dict[str, Any]:
    """Leave the chart as it is. Raises NotFound, PreconditionFailed, InvalidState, Invalid."""
    change, client = await _held(session, principal, change_id, if_match)
    names = _chosen(change, data.fields)
    change.decide(names, "rejected", await clock.now(session), principal.account_id, data.reason)
    await session.flush()
    await audit.record(
        session, principal, "client_change.rejected", resource=("client_change", change.id),
        clients=[client.id], changed=names,
    )  # fmt: skip
    return await get(session, principal, change_id)


async def _held(
    session: Session, principal: Principal, change_id: UUID, if_match: int | None
) -> tuple[ClientChange, Client]:
    """The set and its client, the client first as everywhere."""
    whose = (await session.execute(select(ClientChange.client_id).where(ClientChange.id == change_id))).scalar()
    if whose is None:
        raise NotFound
    client = await clients.locked(session, principal, whose)
    held = select(ClientChange).where(ClientChange.id == change_id).with_for_update()
    change = (await session.execute(held)).scalar_one_or_none()
    if change is None:
        raise NotFound
    if if_match is not None and change.version != if_match:
        raise PreconditionFailed(current=await get(session, principal, change_id))
    return change, client


def _chosen(change: ClientChange, given: list[Any] | None) -> list[str]:
    """The fields to decide on. Raises Invalid for one that is not in the set, InvalidState for one that is decided."""
    if not change.open_fields:
        raise InvalidState("This was decided already.", state=change.state)
    names = list(dict.fromkeys(given or change.open_fields))
    for number, name in enumerate(names):
        if name not in change.fields:
            raise invalid(f"/fields/{number}", "unknown_field", "The client did not ask for this.")
        if name not in change.open_fields:
            state = change.fields[name]["state"]
            raise InvalidState(f"{name} was {state} already.", state=state)
    return names


def _conflicts(field: dict[str, Any], current: Any) -> bool:
    return current not in (field["before"], field["proposed"])


def _listed(reader: Reader, principal: Principal, answer: dict[str, Any]) -> dict[str, Any]:
    answer["data"] = [_view(row) for row in answer["data"]]
    audit.viewed(reader, principal, "client_changes.listed", {row["client_id"] for row in answer["data"]})
    return answer


def _view(row: dict[str, Any]) -> dict[str, Any]:
    """In the order in which the practice's groups have the fields."""
    kept = {name: value for name, value in row.items() if not name.startswith("now_")}
    fields = [_field(name, row["fields"][name], stored(row[f"now_{name}"])) for name in NAMES if name in row["fields"]]
    return kept | {"fields": fields}


def _field(name: str, field: dict[str, Any], current: Any) -> dict[str, Any]:
    decided_at = field.get("decided_at")
    decision = {"decided_at": decided_at and datetime.fromisoformat(decided_at)}
    decision |= {part: field.get(part) for part in ("decided_by", "reason")}
    conflict = field["state"] == "pending" and _conflicts(field, current)
    told = {"name": name, "before": field["before"], "proposed": field["proposed"], "state": field["state"]}
    return told | {"current": current, "conflict": conflict} | decision
