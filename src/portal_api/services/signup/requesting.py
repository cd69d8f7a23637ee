"""People without a chart ask for a time on the practice's public page, where it takes such requests (SH-29)."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from portal_api.core.access import ActorKind, Principal
from portal_api.core.db import Binding, Read, Session
from portal_api.core.errors import NotFound
from portal_api.models.practices import Practice
from portal_api.schemas.scheduling.requests import NewcomerRequestCreate
from portal_api.services import audit
from portal_api.services.auth import passwords
from portal_api.services.scheduling import newcomers
from portal_api.services.scheduling.requests import of_prospects
from portal_api.services.signup import joining

NAME = Read(select(Practice.name).where(Practice.id == bindparam("practice_id")))


async def request_appointment(
    session: Session, visitor: Principal, slug: str, data: NewcomerRequestCreate
) -> dict[str, Any]:
    """Take in a newcomer and hold what they ask for until they verify their address, before anybody is bothered.

    Answer, work and time are the same for a known address (A01): a prospect verifies anew, any other holder is told
    to sign in. Raises NotFound where no such requests are taken, SlotTaken and NotOffered with alternatives, Invalid,
    TooMany, Unavailable.
    """
    practice_id, practice_name = await _open_page(session, slug)
    await joining.count(session, visitor, practice_id, data.email)
    password_hash = None
    if data.password is not None:
        context = (data.given_name, data.family_name, data.email, practice_name)
        password_hash = await passwords.hash_new(session.tools, data.password, context, "/password")
    await session.rebind(Binding(practice_id, ActorKind.ANONYMOUS))
    holder = await joining.find(session, data.email)
    place = await of_prospects.place(session, data)
    person = await joining.take_in(session, visitor, data, password_hash, holder)
    request = await of_prospects.hold(session, place, data, person.account_id, person.prospect_id)
    secret = await joining.secret_for(session, person, kept=person.prospect_id is not None)
    if secret is None:
        await joining.tell_holder(session, visitor, person)
    else:
        about, details = ("one_time_secret", secret.id), {"request_id": str(request.id)}
        await audit.record(session, visitor, "appointment_request.held", resource=about, details=details)
    return joining.RECEIVED


async def _open_page(session: Session, slug: str) -> tuple[UUID, str]:
    """Read on the side, so that no transaction is open while the password is being hashed."""
    async with session.tools.database.reader(Binding()) as reader:
        await newcomers.enter(reader, slug)
        row = await reader.row(NAME)
        if row is None:
            raise NotFound
        return reader.binding.practice_id, row["name"]
