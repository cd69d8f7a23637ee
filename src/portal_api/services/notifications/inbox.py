"""The inbox: what somebody was told in the portal, and what of it they have read."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, ColumnElement, and_, bindparam, case, func, or_, select, true, update

from portal_api.core.access import Principal
from portal_api.core.db import Read, Reader, Rows, Session, Source
from portal_api.core.db.base import UUIDS
from portal_api.core.errors import NotFound
from portal_api.models.clients import Client
from portal_api.models.notifications import Notification
from portal_api.schemas.notifications import InboxQuery
from portal_api.services import audit
from portal_api.services.clients import reading
from portal_api.services.notifications.composing import INBOX, INITIALS, path_of
from portal_api.services.notifications.kinds import BY_KEY
from portal_api.services.paging import Pager

LONGEST_DIGEST = 1000
MOST_NAMED = 100
"""Rows that one event names."""
_mine = Notification.account_id == bindparam("account_id")
_of_staff = bindparam("of_staff", type_=Boolean())
_concerns_theirs = or_(
    _of_staff,
    Notification.about_client_id.is_(None),
    Notification.about_client_id == bindparam("acts_for", type_=UUIDS).any_(),
)
UNREAD = Read(
    select(func.count().label("unread"))
    .select_from(Notification)
    .where(_mine, Notification.in_app, Notification.read_at.is_(None), _concerns_theirs)
)
"""How much of the inbox is unread: run it with `values(principal)`."""


def values(principal: Principal) -> dict[str, Any]:
    """What the reads of this module are run with."""
    return {
        "account_id": principal.account_id,
        "of_staff": not principal.is_client,
        "acts_for": list(principal.client_ids),
        "staff_id": principal.staff_id,
    }


async def unread(source: Source, principal: Principal) -> int:
    """How much of the caller's inbox is unread."""
    row = await source.row(UNREAD, **values(principal))
    return int(row["unread"]) if row else 0


async def page(reader: Reader, principal: Principal, query: InboxQuery) -> dict[str, Any]:
    """The caller's inbox, newest first, and how much of it is unread."""
    pager = Pager(reader, principal, "notifications", query, "id")
    read = _page(reading.sees_all(principal), unread=query.unread, resumed=pager.position is not None)
    after_id = UUID(pager.position[0]) if pager.position else None
    rows = await reader.rows(read, **values(principal), after_id=after_id, limit=pager.limit + 1)
    return pager.envelope([shown(row) for row in rows]) | {"unread": await unread(reader, principal)}


async def mark_read(session: Session, principal: Principal, notification_id: UUID) -> dict[str, Any]:
    """Say that one was read; once more changes nothing. Raises NotFound."""
    await _mark(session, principal, Notification.id == notification_id)
    row = await session.row(_one(reading.sees_all(principal)), **values(principal), notification_id=notification_id)
    if row is None:
        raise NotFound
    return shown(row)


async def mark_all_read(session: Session, principal: Principal, up_to: UUID | None) -> dict[str, Any]:
    """Say that everything was read; `up_to`: the newest that the caller has seen, so that nothing is missed."""
    await _mark(session, principal, Notification.id <= up_to if up_to is not None else true())
    return {"unread": await unread(session, principal)}


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """One row, with the words of its kind."""
    kind = BY_KEY.get(row["kind"])
    words = kind.events.get(row["event_type"]) if kind else None
    path = path_of(words.path, row["resource_id"], row["client_id"]) if words else INBOX
    return row | {"title": words.line if words else "Something has happened", "path": path}


@cache
def waiting_for_digest(everyone: bool) -> Read:
    """What the caller's next digest will tell, oldest first."""
    statement = rows_of(_in_sight(everyone)).where(Notification.email == "digest", Notification.delivery_id.is_(None))
    return Read(statement.order_by(Notification.occurred_at, Notification.id).limit(LONGEST_DIGEST))


async def _mark(session: Session, principal: Principal, which: ColumnElement[bool]) -> None:
    mine = Notification.account_id == principal.account_id, Notification.in_app, Notification.read_at.is_(None)
    change = update(Notification).where(*mine, which).values(read_at=func.now())
    changed = change.returning(Notification.id).execution_options(synchronize_session=False)
    ids = (await session.scalars(changed)).all()
    assert principal.account_id is not None  # noqa: S101 - the routes are for accounts
    for start in range(0, len(ids), MOST_NAMED):
        await note(session, principal, "notification.read", {principal.account_id: ids[start : start + MOST_NAMED]})


async def note(session: Session, principal: Principal, type: str, told: Mapping[UUID, Sequence[UUID]]) -> None:
    """Say whose inbox is another now, for their streams and copies. told: the rows, by account.

    It is about no client: what others are told of a client is not for the client's own history.
    """
    details = {"notifications": {str(account_id): [str(id) for id in ids] for account_id, ids in told.items()}}
    await audit.record(session, principal, type, details=details)


@cache
def _page(everyone: bool, *, unread: bool | None, resumed: bool) -> Read:
    statement = rows_of(_in_sight(everyone)).where(Notification.in_app)
    if unread is not None:
        statement = statement.where(Notification.read_at.is_(None) if unread else Notification.read_at.is_not(None))
    if resumed:
        statement = statement.where(Notification.id < bindparam("after_id"))
    return Read(statement.order_by(Notification.id.desc()).limit(bindparam("limit")))


@cache
def _one(everyone: bool) -> Read:
    this = Notification.id == bindparam("notification_id")
    return Read(rows_of(_in_sight(everyone)).where(this, Notification.in_app))


def rows_of(in_sight: ColumnElement[bool]) -> Rows:
    """Rows of the caller. Initials are those of clients whom the caller sees; in_sight: which ones staff see."""
    seen = and_(Client.id == Notification.about_client_id, or_(~_of_staff, in_sight))
    return (
        select(
            Notification.id,
            Notification.kind,
            Notification.event_type,
            Notification.resource_type,
            Notification.resource_id,
            Client.id.label("client_id"),
            case((Client.id.is_not(None), INITIALS)).label("client_initials"),
            Notification.occurred_at,
            Notification.created_at,
            Notification.read_at,
        )
        .select_from(Notification)
        .outerjoin(Client, seen)
        .where(_mine, _concerns_theirs)
    )


def ids() -> Rows:
    """Ids of what stands in the caller's inbox."""
    return select(Notification.id).where(_mine, Notification.in_app, _concerns_theirs)


def _in_sight(everyone: bool) -> ColumnElement[bool]:
    return true() if everyone else reading.caseload()
