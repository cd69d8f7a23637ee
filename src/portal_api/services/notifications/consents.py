"""By which channels a client agrees to be contacted: said by themselves, or written down by staff (F14.M5)."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from portal_api.core.access import Principal
from portal_api.core.db import Read, Session, Source
from portal_api.core.errors import invalid
from portal_api.models.notifications import ContactConsent
from portal_api.schemas.notifications import ContactConsentsUpdate
from portal_api.services import audit, clients

UNSAID: dict[str, Any] = {"email": True, "sms": False}
"""Who gave an address may be mailed; a text message needs a yes."""
CONSENTS = Read(
    select(ContactConsent.email, ContactConsent.sms).where(ContactConsent.recipient_id == bindparam("recipient_id"))
)


async def of_client(source: Source, principal: Principal, client_id: UUID) -> dict[str, Any]:
    """What staff were told. Raises NotFound."""
    await clients.must_see(source, principal, client_id)
    return await _get(source, client_id)


async def update_of_client(
    session: Session, principal: Principal, client_id: UUID, data: ContactConsentsUpdate
) -> dict[str, Any]:
    """Write down what a client told; it narrows what the client's own login says. Raises NotFound, Invalid."""
    await clients.locked(session, principal, client_id)
    await put(session, principal, client_id, data, resource=("client", client_id), of=[client_id])
    return await _get(session, client_id)


async def put(
    session: Session,
    principal: Principal,
    recipient_id: UUID,
    data: ContactConsentsUpdate,
    *,
    resource: tuple[str, UUID],
    of: list[UUID],
) -> None:
    """Keep what was said, by whom and when. Raises Invalid for a null: a consent is given or it is not."""
    changes = data.given()
    for name, value in changes.items():
        if value is None:
            raise invalid(f"/{name}", "null_not_allowed", "Say true or false.")
    if not changes:
        return
    row = insert(ContactConsent).values(
        practice_id=session.binding.practice_id, recipient_id=recipient_id, **UNSAID | changes
    )
    await session.execute(
        row.on_conflict_do_update(
            index_elements=["practice_id", "recipient_id"], set_={**changes, "updated_at": func.now()}
        )
    )
    await audit.record(session, principal, "contact_consent.set", resource=resource, clients=of, details=changes)


async def _get(source: Source, recipient_id: UUID) -> dict[str, Any]:
    return await source.row(CONSENTS, recipient_id=recipient_id) or UNSAID.copy()
