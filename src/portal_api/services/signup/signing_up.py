"""People sign up themselves, where a practice allows it; they become prospects, nobody's client (F4)."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from portal_api.core.access import ActorKind, Principal
from portal_api.core.db import Binding, Read, Session
from portal_api.core.errors import NotFound
from portal_api.models.portal import PortalSettings
from portal_api.models.practices import Practice
from portal_api.schemas.signup import Signup
from portal_api.services.auth import passwords, practice_door, secrets
from portal_api.services.signup import joining

OPEN_PORTAL = Read(
    select(Practice.name)
    .join(PortalSettings, PortalSettings.practice_id == Practice.id)
    .where(Practice.id == bindparam("practice_id"), PortalSettings.enabled, PortalSettings.allow_client_signup)
)


async def sign_up(session: Session, visitor: Principal, slug: str, data: Signup) -> dict[str, Any]:
    """Take in a newcomer, or tell the holder of a known address by mail that they have an account.

    Answer, work and time are the same for both (A01). Raises NotFound where signup is not open (A02),
    Invalid for a weak password, TooMany, Unavailable.
    """
    practice_id, practice_name = await _open_portal(session, slug)
    await joining.count(session, visitor, practice_id, data.email)
    context = (data.given_name, data.family_name, data.email, practice_name)
    password_hash = await passwords.hash_new(session.tools, data.password, context, "/password")
    await session.rebind(Binding(practice_id, ActorKind.ANONYMOUS))
    holder = await joining.find(session, data.email)
    person = await joining.take_in(session, visitor, data, password_hash, holder)
    secret = await joining.secret_for(session, person, kept=person.is_new)
    if secret is not None:
        await secrets.announce(session, visitor, secret)
    else:
        await joining.tell_holder(session, visitor, person)
    return joining.RECEIVED


async def _open_portal(session: Session, slug: str) -> tuple[UUID, str]:
    """Read on the side, so that no transaction is open while the password is being hashed."""
    database = session.tools.database
    practice_id = await practice_door.find_by_link(database, slug)
    if practice_id is None:
        raise NotFound
    async with database.reader(Binding(practice_id, ActorKind.ANONYMOUS)) as reader:
        row = await reader.row(OPEN_PORTAL)
    if row is None:
        raise NotFound
    return practice_id, row["name"]
