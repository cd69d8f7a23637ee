"""By which channels somebody agrees to be contacted: said by themselves, or written down by staff (F14.M5).

Who has a chart has their consents there, whoever said it and wherever; only of an account without an own chart, such as
a guardian's, there is a row beside.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import and_, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from portal_api.core.access import SELF, Principal
from portal_api.core.db import Read, Session, Source
from portal_api.core.db.base import UUIDS
from portal_api.core.errors import invalid
from portal_api.models.clients import Client, ClientGrant
from portal_api.models.notifications import ContactConsent
from portal_api.schemas.notifications import ContactConsentsUpdate
from portal_api.services import audit, clients

UNSAID: dict[str, Any] = {"email": True, "sms": False}
"""Who gave an address may be mailed; a text message needs a yes."""
CHANNELS = tuple(UNSAID)
_in_chart = {channel: Client.contact_preferences[channel].as_boolean() for channel in CHANNELS}
OF_CLIENT = Read(
    select(
        *(func.coalesce(_in_chart[channel], UNSAID[channel]).label(channel) for channel in CHANNELS),
    ).where(Client.id == bindparam("client_id"))
)
_own_charts = Client.id == bindparam("own", type_=UUIDS).any_()
OF_ACCOUNT = {
    channel: func.coalesce(
        select(func.bool_and(_in_chart[channel])).where(_own_charts).scalar_subquery(),
        getattr(ContactConsent, channel),
        UNSAID[channel],
    )
    for channel in CHANNELS
}
"""What holds for an account whose row is joined, and whose own clients are `own`; of several charts all must agree."""


async def of_client(source: Source, principal: Principal, client_id: UUID) -> dict[str, Any]:
    """What the chart says. Raises NotFound."""
    await clients.must_see(source, principal, client_id)
    return await _get(source, client_id)


async def update_of_client(
    session: Session, principal: Principal, client_id: UUID, data: ContactConsentsUpdate
) -> dict[str, Any]:
    """Write down what a client told, in the chart. Raises NotFound, Invalid."""
    client = await clients.locked(session, principal, client_id)
    if _said(data):
        await _put(session, client, data)
        await _record(session, principal, data, ("client", client_id), [client_id])
    return await _get(session, client_id)


async def update_of_account(
    session: Session, principal: Principal, account_id: UUID, data: ContactConsentsUpdate
) -> None:
    """Keep what the account's holder says: in their own chart, or beside where they have none. Raises Invalid."""
    changes, own = _said(data), list(principal.own_client_ids)
    if not changes:
        return
    if own:
        charts = select(Client).where(Client.id.in_(own)).order_by(Client.id).with_for_update()
        for client in (await session.scalars(charts)).all():
            await _put(session, client, data)
    else:
        row = insert(ContactConsent).values(
            practice_id=session.binding.practice_id, recipient_id=account_id, **UNSAID | changes
        )
        again = {**changes, "updated_at": func.now()}
        await session.execute(row.on_conflict_do_update(index_elements=["practice_id", "recipient_id"], set_=again))
    await _record(session, principal, data, ("account", account_id), own)


async def refusing_mail(session: Session, recipient_ids: Collection[UUID]) -> set[UUID]:
    """Those of the accounts, and of the clients without a login, who do not agree to be mailed."""
    of = await _charts_of(session, recipient_ids)
    wanted = {*recipient_ids, *(client_id for own in of.values() for client_id in own)}
    said = _in_chart["email"]
    charts = dict(
        (await session.execute(select(Client.id, said).where(Client.id.in_(wanted), said.is_not(None)))).all()
    )
    beside = select(ContactConsent.recipient_id, ContactConsent.email).where(
        ContactConsent.recipient_id.in_(recipient_ids)
    )
    rows = dict((await session.execute(beside)).all())

    def agrees(recipient_id: UUID) -> bool:
        own = [charts[client_id] for client_id in (recipient_id, *of[recipient_id]) if client_id in charts]
        return all(own) if own else bool(rows.get(recipient_id, UNSAID["email"]))

    return {recipient_id for recipient_id in recipient_ids if not agrees(recipient_id)}


async def _charts_of(session: Session, account_ids: Collection[UUID]) -> dict[UUID, list[UUID]]:
    own = and_(
        ClientGrant.account_id.in_(account_ids), ClientGrant.relationship == SELF, ClientGrant.revoked_at.is_(None)
    )
    charts = defaultdict[UUID, list[UUID]](list)
    for account_id, client_id in (
        await session.execute(select(ClientGrant.account_id, ClientGrant.client_id).where(own))
    ).all():
        charts[account_id].append(client_id)
    return charts


def _said(data: ContactConsentsUpdate) -> dict[str, bool]:
    """Raises Invalid for a null: a consent is given or it is not."""
    changes = data.given()
    for name, value in changes.items():
        if value is None:
            raise invalid(f"/{name}", "null_not_allowed", "Say true or false.")
    return changes


async def _put(session: Session, client: Client, data: ContactConsentsUpdate) -> None:
    name = "contact_preferences"
    await clients.write(session, client, {name: clients.whole(name, data, client.contact_preferences, "")})


async def _record(
    session: Session, principal: Principal, data: ContactConsentsUpdate, resource: tuple[str, UUID], of: list[UUID]
) -> None:
    await audit.record(session, principal, "contact_consent.set", resource=resource, clients=of, details=data.given())


async def _get(source: Source, client_id: UUID) -> dict[str, Any]:
    return await source.row(OF_CLIENT, client_id=client_id) or UNSAID.copy()
