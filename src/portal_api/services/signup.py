"""People sign up themselves, where a practice allows it; they become prospects, nobody's client (F4)."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.exc import IntegrityError

from portal_api.core import clock
from portal_api.core.access import ActorKind, Principal
from portal_api.core.db import Binding, Read, Session
from portal_api.core.errors import NotFound
from portal_api.core.ids import new_id
from portal_api.core.limits import Limit
from portal_api.models.auth import Account, OneTimeSecret
from portal_api.models.portal import PortalSettings
from portal_api.models.practices import Practice
from portal_api.models.prospects import Prospect
from portal_api.schemas.base import normal_email
from portal_api.schemas.signup import Signup
from portal_api.services import audit
from portal_api.services.auth import passwords, practice_door, secrets

PER_NETWORK = Limit("signup-network", 5, timedelta(hours=1))
PER_ADDRESS = Limit("signup-address", 5, timedelta(hours=1))
PER_PRACTICE = Limit("signup-practice", 50, timedelta(hours=1))
RECEIVED = {
    "state": "check_email",
    "detail": "We have sent you an e-mail that says how to go on. Look into the spam folder if you do not find it.",
}

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
    tools = session.tools
    practice_id, practice_name = await _open_portal(session, slug)
    email, network = normal_email(data.email), visitor.origin.network
    await tools.limiter.hit(
        {
            PER_NETWORK: network,
            PER_ADDRESS: f"{practice_id}/{email}",
            PER_PRACTICE: str(practice_id),
        }
    )
    context = (data.given_name, data.family_name, data.email, practice_name)
    password_hash = await passwords.hash_new(tools, data.password, context, "/password")
    await session.rebind(Binding(practice_id, ActorKind.ANONYMOUS))
    await _take_in(session, visitor, data, password_hash)
    return RECEIVED


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


async def _take_in(session: Session, visitor: Principal, data: Signup, password_hash: str) -> None:
    """The same statements run for a known address, under a name that nobody has, and are undone."""
    email = normal_email(data.email)
    holder = await _holder(session, email)
    secret = None
    try:
        async with session.begin_nested() as attempt:
            secret = await _add(session, visitor, data, password_hash, email_norm=str(new_id()) if holder else email)
            if holder:
                await attempt.rollback()
    except IntegrityError:  # somebody else has signed up with this address at the same moment
        holder = await _holder(session, email)
        if holder is None:
            raise
    if holder:
        await audit.record(session, visitor, "signup.repeated", resource=("account", holder))
    elif secret:
        await secrets.announce(session, visitor, secret)


async def _holder(session: Session, email_norm: str) -> UUID | None:
    return await session.scalar(select(Account.id).where(Account.email_norm == email_norm))


async def _add(
    session: Session, visitor: Principal, data: Signup, password_hash: str, *, email_norm: str
) -> OneTimeSecret:
    account = Account(
        id=new_id(),
        kind="client",
        email=data.email,
        email_norm=email_norm,
        given_name=data.given_name,
        family_name=data.family_name,
    )
    account.set_password(password_hash, await clock.now(session))
    session.add(account)
    await session.flush()
    entered = data.model_dump(include={"given_name", "family_name", "date_of_birth", "phone", "message"})
    prospect = Prospect(id=new_id(), account_id=account.id, **entered)
    session.add(prospect)
    await session.flush()
    await audit.record(session, visitor, "prospect.created", resource=("prospect", prospect.id))
    return await secrets.make(session, "email_verification", account.id, data.email, new_id())
