"""Devices that are woken: registered by the session that is on them, gone with it (F19.M3)."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, and_, bindparam, delete, func, or_, select

from portal_api.core import clock
from portal_api.core.access import ActorKind, Principal
from portal_api.core.db import Read, Reader, Session
from portal_api.core.errors import NotFound, invalid
from portal_api.core.ids import new_id
from portal_api.core.tools import Tools
from portal_api.integrations.egress import PORTS, Egress, EgressError
from portal_api.integrations.push import ApplicationServer, Device
from portal_api.models.auth import Account, AuthSession
from portal_api.models.clients import ClientGrant
from portal_api.models.notifications import Notification, PushSubscription
from portal_api.models.portal import PortalSettings
from portal_api.models.staff import StaffMember
from portal_api.schemas.base import PageQuery
from portal_api.schemas.notifications import PushSubscriptionCreate
from portal_api.services import audit
from portal_api.services.notifications import inbox, standing
from portal_api.services.notifications.kinds import BY_KEY, Importance
from portal_api.services.paging import Pager

PUSH = "notices.push"
_PURPOSE = "push_subscription"
_is_live: ColumnElement[bool] = and_(
    AuthSession.ended_at.is_(None),
    AuthSession.expires_at > func.now(),
    AuthSession.idle_expires_at > func.now(),
    or_(PushSubscription.expires_at.is_(None), PushSubscription.expires_at > func.now()),
)
_COLUMNS = (
    PushSubscription.id,
    AuthSession.device_label,
    (PushSubscription.session_id == bindparam("session_id")).label("current"),
    PushSubscription.created_at,
    PushSubscription.updated_at,
    PushSubscription.last_sent_at,
)


@dataclass(frozen=True, slots=True)
class Push:
    """One push, ready to go. The message says that there is something and nothing of what."""

    subscription_id: UUID
    device: Device
    message: bytes
    urgent: bool


def application_server(tools: Tools) -> ApplicationServer:
    """By which the push services know this installation."""
    return ApplicationServer.of(tools.settings, tools.vault)


async def register(session: Session, principal: Principal, data: PushSubscriptionCreate) -> dict[str, Any]:
    """Wake the device that asks: one subscription a session, the newest; a device is woken for one account at a time.

    Raises Invalid for an address that no push service can have.
    """
    assert principal.account_id is not None and principal.session_id is not None  # noqa: S101 - signed in
    _must_be_reachable(session.tools, data.endpoint)
    known = hashlib.sha256(data.endpoint.encode()).digest()
    # Whoever was signed in on this device before is not told on it any more.
    others = delete(PushSubscription).where(
        PushSubscription.endpoint_hash == known, PushSubscription.session_id != principal.session_id
    )
    await session.execute(others.execution_options(synchronize_session=False))
    mine = select(PushSubscription).where(PushSubscription.session_id == principal.session_id).with_for_update()
    row = await session.scalar(mine)
    if row is None:
        row = PushSubscription(id=new_id(), account_id=principal.account_id, session_id=principal.session_id)
        session.add(row)
    device = {"endpoint": data.endpoint, "p256dh": data.keys.p256dh, "auth": data.keys.auth}
    row.endpoint_hash, row.expires_at = known, data.expiration_time
    row.sealed = session.tools.vault.seal(orjson.dumps(device), purpose=_PURPOSE, aad=_place(row))
    row.updated_at = await clock.now(session)
    await session.flush()
    await audit.record(session, principal, "push_subscription.added", resource=("push_subscription", row.id))
    found = await session.row(_ONE, session_id=principal.session_id, id=row.id)
    assert found is not None  # noqa: S101 - just made
    return found


async def page(reader: Reader, principal: Principal, query: PageQuery) -> dict[str, Any]:
    """The caller's devices that are woken, newest first, and what a browser needs to become one."""
    pager = Pager(reader, principal, "push_subscriptions", query, "id")
    rows = await reader.rows(
        _many(resumed=pager.position is not None),
        account_id=principal.account_id,
        session_id=principal.session_id,
        after_id=UUID(pager.position[0]) if pager.position else None,
        limit=pager.limit + 1,
    )
    return pager.envelope(rows) | {"application_server_key": application_server(reader.tools).public_key}


async def remove(session: Session, principal: Principal, subscription_id: UUID) -> None:
    """Wake the device no more. Raises NotFound."""
    mine = select(PushSubscription).where(
        PushSubscription.id == subscription_id, PushSubscription.account_id == principal.account_id
    )
    row = await session.scalar(mine.with_for_update())
    if row is None:
        raise NotFound
    await session.delete(row)
    await session.flush()
    await audit.record(session, principal, "push_subscription.removed", resource=("push_subscription", row.id))


async def reachable(session: Session, account_ids: Collection[UUID]) -> set[UUID]:
    """The accounts with a device that can be woken."""
    woken = select(PushSubscription.account_id).join(AuthSession, AuthSession.id == PushSubscription.session_id)
    woken = woken.where(PushSubscription.account_id.in_(account_ids), _is_live)
    return {UUID(str(id)) for id in await session.scalars(woken.distinct())}


async def wake(session: Session, account_id: UUID, notification_id: UUID) -> None:
    """A push for each device of the account."""
    devices = select(PushSubscription.id).join(AuthSession, AuthSession.id == PushSubscription.session_id)
    devices = devices.where(PushSubscription.account_id == account_id, _is_live)
    practice_id, queue = session.binding.practice_id, session.tools.queue
    for subscription_id in (await session.scalars(devices)).all():
        ids = {"subscription_id": UUID(str(subscription_id)), "notification_id": notification_id}
        await queue.defer(session, PUSH, practice_id, **ids)


async def prepare(session: Session, subscription_id: UUID, notification_id: UUID) -> Push | None:
    """What to send; None where the device, the session or the access is gone, also that to the client whom it is about,
    or it has been read already.
    """
    found = (
        select(PushSubscription, Account.kind)
        .join(AuthSession, AuthSession.id == PushSubscription.session_id)
        .join(Account, Account.id == PushSubscription.account_id)
        .where(PushSubscription.id == subscription_id, _is_live, Account.suspended_at.is_(None))
    )
    row = (await session.execute(found)).one_or_none()
    notice = await session.scalar(select(Notification).where(Notification.id == notification_id))
    if row is None or notice is None or notice.read_at is not None:
        return None
    subscription: PushSubscription = row.PushSubscription
    if not await _has_access(session, subscription.account_id, row.kind):
        return None
    if not await standing.still_theirs(session, [notice]):
        return None
    text = session.tools.vault.open(subscription.sealed, purpose=_PURPOSE, aad=_place(subscription))
    kind = BY_KEY.get(notice.kind)
    urgent = kind is not None and kind.importance is Importance.SECURITY
    message = {
        "type": "notification",
        "id": str(notice.id),
        "unread": await _unread(session, subscription.account_id, row.kind),
    }
    return Push(subscription.id, Device(**orjson.loads(text)), orjson.dumps(message), urgent)


async def sent(session: Session, subscription_id: UUID, *, gone: bool) -> None:
    """Write down that it was taken, or forget the device that is gone."""
    row = await session.scalar(select(PushSubscription).where(PushSubscription.id == subscription_id).with_for_update())
    if row is None:
        return
    if gone:
        await session.delete(row)
    else:
        row.last_sent_at = await clock.now(session)


async def _has_access(session: Session, account_id: UUID, kind: str) -> bool:
    if kind == ActorKind.STAFF:
        works = select(StaffMember.id).where(StaffMember.account_id == account_id, StaffMember.state == "active")
        return await session.scalar(works) is not None
    return bool(await session.scalar(select(PortalSettings.enabled)))


async def _unread(session: Session, account_id: UUID, kind: str) -> int:
    """As their inbox counts it."""
    acting = select(ClientGrant.client_id).where(ClientGrant.account_id == account_id, ClientGrant.is_live())
    values = {"account_id": account_id, "of_staff": kind == ActorKind.STAFF}
    row = await session.row(inbox.UNREAD, **values, acts_for=list(await session.scalars(acting)))
    return int(row["unread"]) if row else 0


def _must_be_reachable(tools: Tools, endpoint: str) -> None:
    allowed: Sequence[str] = tools.settings.egress_allow
    try:
        target = Egress(allow=allowed).check(endpoint)
    except EgressError as error:
        raise invalid("/endpoint", error.code, "This is not the address of a push service.") from None
    is_usual = target.scheme == "https" and target.port == PORTS["https"]
    if not is_usual and not {target.host, f"{target.host}:{target.port}"} & set(allowed):
        raise invalid(
            "/endpoint", "https_needed", "The address of a push service begins with https:// and names no port."
        )


def _place(row: PushSubscription) -> tuple[str, ...]:
    """Where the sealed keys belong: moved to another row they do not open."""
    return ("push_subscription", str(row.account_id), str(row.session_id))


_ONE = Read(
    select(*_COLUMNS)
    .join(AuthSession, AuthSession.id == PushSubscription.session_id)
    .where(PushSubscription.id == bindparam("id"))
)


@cache
def _many(*, resumed: bool) -> Read:
    statement = select(*_COLUMNS).join(AuthSession, AuthSession.id == PushSubscription.session_id)
    statement = statement.where(PushSubscription.account_id == bindparam("account_id"), _is_live)
    if resumed:
        statement = statement.where(PushSubscription.id < bindparam("after_id"))
    return Read(statement.order_by(PushSubscription.id.desc()).limit(bindparam("limit")))
