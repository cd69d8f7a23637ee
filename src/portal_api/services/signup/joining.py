"""Taking people in as prospects, or finding that their address is known, without telling which (A01).

The same statements run for a known address, under a name that nobody has, and are undone.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.exc import IntegrityError

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.core.ids import new_id
from portal_api.core.limits import Limit
from portal_api.models.auth import Account, OneTimeSecret
from portal_api.models.prospects import Prospect
from portal_api.schemas.base import normal_email
from portal_api.schemas.scheduling.requests import NewcomerRequestCreate
from portal_api.schemas.signup import Signup
from portal_api.services import audit
from portal_api.services.auth import secrets

PER_NETWORK = Limit("signup-network", 5, timedelta(hours=1))
PER_ADDRESS = Limit("signup-address", 5, timedelta(hours=1))
PER_PRACTICE = Limit("signup-practice", 50, timedelta(hours=1))
RECEIVED = {
    "state": "check_email",
    "detail": "We have sent you an e-mail that says how to go on. Look into the spam folder if you do not find it.",
}
_ENTERED = {"given_name", "family_name", "date_of_birth", "phone", "message"}


@dataclass(frozen=True, slots=True)
class Person:
    """Whose address it is. prospect_id: of somebody who has signed up, and whom nobody has decided on yet."""

    account_id: UUID
    email: str
    prospect_id: UUID | None
    is_new: bool


async def count(session: Session, visitor: Principal, practice_id: UUID, email: str) -> None:
    """Count somebody at the practice's door (F4.M5). Raises TooMany."""
    limits = {PER_NETWORK: visitor.origin.network, PER_ADDRESS: f"{practice_id}/{normal_email(email)}"}
    await session.tools.limiter.hit(limits | {PER_PRACTICE: str(practice_id)})


async def find(session: Session, email: str) -> Person | None:
    """Who has this address, their account held."""
    is_open = and_(Prospect.account_id == Account.id, Prospect.outcome == "open")
    holder = (
        select(Account.id, Account.email, Prospect.id.label("prospect_id"))
        .outerjoin(Prospect, is_open)
        .where(Account.email_norm == normal_email(email))
        .with_for_update(of=Account, key_share=True)
    )
    row = (await session.execute(holder)).one_or_none()
    return Person(row.id, row.email, row.prospect_id, is_new=False) if row else None


async def take_in(
    session: Session,
    visitor: Principal,
    data: Signup | NewcomerRequestCreate,
    password_hash: str | None,
    holder: Person | None,
) -> Person:
    """Make an account and a prospect, unless somebody has the address."""
    person = holder
    try:
        async with session.begin_nested() as attempt:
            made = await _add(session, visitor, data, password_hash, known=holder is not None)
            person = holder or made
            if holder:
                await attempt.rollback()
    except IntegrityError:  # somebody else has signed up with this address at the same moment
        person = await find(session, data.email)
    if person is None:
        raise RuntimeError("an address was taken and is nobody's")
    return person


async def secret_for(session: Session, person: Person, *, kept: bool) -> OneTimeSecret | None:
    """What verifies the address; None, after the same work, where it is not to be kept."""
    async with session.begin_nested() as attempt:
        secret = await secrets.make(session, "email_verification", person.account_id, person.email, new_id())
        if not kept:
            await attempt.rollback()
    return secret if kept else None


async def tell_holder(session: Session, visitor: Principal, person: Person) -> None:
    """Somebody has come with an address that is known: its holder is told, and nobody else."""
    await audit.record(session, visitor, "signup.repeated", resource=("account", person.account_id))


async def _add(
    session: Session,
    visitor: Principal,
    data: Signup | NewcomerRequestCreate,
    password_hash: str | None,
    *,
    known: bool,
) -> Person:
    account = Account(
        id=new_id(),
        kind="client",
        email=data.email,
        email_norm=str(new_id()) if known else normal_email(data.email),
        given_name=data.given_name,
        family_name=data.family_name,
    )
    now = await clock.now(session)
    if password_hash is not None:
        account.set_password(password_hash, now)
    session.add(account)
    await session.flush()
    entered: dict[str, Any] = data.model_dump(include=_ENTERED)
    prospect = Prospect(id=new_id(), account_id=account.id, **entered)
    session.add(prospect)
    await session.flush()
    await audit.record(session, visitor, "prospect.created", resource=("prospect", prospect.id))
    await session.flush()
    return Person(account.id, account.email, prospect.id, is_new=True)
