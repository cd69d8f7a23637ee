"""The practice itself: registered by its owner, described by its staff."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import bindparam, select

from portal_api.core import clock
from portal_api.core.access import ActorKind, Principal, Role
from portal_api.core.db import Binding, Read, Session, Source
from portal_api.core.errors import Forbidden, NotFound, PreconditionFailed, invalid
from portal_api.core.ids import new_id
from portal_api.core.limits import Limit
from portal_api.models.auth import Account
from portal_api.models.portal import PortalSettings
from portal_api.models.practices import Practice
from portal_api.models.staff import StaffMember
from portal_api.schemas.base import normal_email
from portal_api.schemas.practices import Address, Branding, OwnerCreate, PracticeCreate, PracticeUpdate
from portal_api.services import audit, forms
from portal_api.services.auth import passwords, secrets
from portal_api.services.merging import merged

REGISTRATIONS = Limit("registration", 5, timedelta(hours=1))
OWNER_ROLES = [Role.OWNER, Role.PRACTITIONER]
NESTED: dict[str, type[BaseModel]] = {"address": Address, "branding": Branding}

PRACTICE = Read(
    select(
        Practice.id,
        Practice.name,
        Practice.time_zone,
        Practice.country,
        Practice.phone,
        Practice.address,
        Practice.hide_address,
        Practice.branding,
        Practice.created_at,
        Practice.updated_at,
        Practice.version,
    ).where(Practice.id == bindparam("practice_id"))
)


COUNTRY = Read(select(Practice.country).where(Practice.id == bindparam("practice_id")))


class RegistrationClosed(Forbidden):
    code, title = "registration_closed", "Practices are registered by the operator of this installation"


async def country(source: Source) -> str | None:
    """Of the caller's practice, ISO 3166-1; None for who has none."""
    row = await source.row(COUNTRY)
    return row["country"] if row else None


async def register_openly(session: Session, visitor: Principal, data: PracticeCreate) -> dict[str, Any]:
    """Registration over HTTP, while PORTAL_OPEN_REGISTRATION is on. Raises RegistrationClosed, TooMany."""
    tools = session.tools
    if not tools.settings.open_registration:
        raise RegistrationClosed("Ask the operator to register the practice for you.")
    await tools.limiter.hit({REGISTRATIONS: visitor.origin.ip})
    return await register(session, visitor, data)


async def register(session: Session, visitor: Principal, data: PracticeCreate) -> dict[str, Any]:
    """Make a practice, its portal (off) and its owner, who is a practitioner too; mail a verification.

    Raises Invalid for a weak password.
    """
    owner = data.owner
    context = (data.name, owner.given_name, owner.family_name, owner.email)
    password_hash = await passwords.hash_new(session.tools, owner.password, context, "/owner/password")
    practice = Practice(
        id=new_id(), **data.model_dump(exclude={"owner", "bot_check_token"}), branding=Branding().model_dump()
    )
    await session.rebind(Binding(practice.id, ActorKind.ANONYMOUS))
    session.add(practice)
    await session.flush()
    session.add(PortalSettings())
    staff = await _add_owner(session, owner, password_hash)
    await forms.plant(session)
    await audit.record(session, visitor, "practice.registered", resource=("practice", practice.id))
    await secrets.send_verification(session, visitor, staff.account_id, owner.email)
    return {"practice": await get(session), "owner": _owner_view(staff)}


async def _add_owner(session: Session, owner: OwnerCreate, password_hash: str) -> StaffMember:
    now = await clock.now(session)
    account = Account(
        id=new_id(),
        kind="staff",
        email=owner.email,
        email_norm=normal_email(owner.email),
        given_name=owner.given_name,
        family_name=owner.family_name,
    )
    account.set_password(password_hash, now)
    staff = StaffMember(
        id=new_id(),
        account_id=account.id,
        email=owner.email,
        given_name=owner.given_name,
        family_name=owner.family_name,
        roles=list(OWNER_ROLES),
        state="active",
        state_changed_at=now,
    )
    session.add(account)
    await session.flush()
    session.add(staff)
    await session.flush()
    return staff


def _owner_view(staff: StaffMember) -> dict[str, Any]:
    names = ("id", "account_id", "email", "given_name", "family_name", "roles")
    return {name: getattr(staff, name) for name in names}


async def get(source: Source) -> dict[str, Any]:
    """The caller's practice."""
    row = await source.row(PRACTICE)
    if row is None:
        raise NotFound
    return row


async def update(session: Session, principal: Principal, data: PracticeUpdate, if_match: int | None) -> dict[str, Any]:
    """Change what is given. Raises PreconditionFailed when the copy was stale, Invalid for a null that may not be."""
    practice = await _locked(session, principal.practice_id)
    if if_match is not None and practice.version != if_match:
        raise PreconditionFailed(current=await get(session))
    changes = data.given()
    for name, value in changes.items():
        if value is None and name not in ("phone", "address"):
            raise invalid(f"/{name}", "null_not_allowed", "This cannot be cleared.")
        if value is not None and name in NESTED:
            value = merged(NESTED[name], getattr(practice, name), value, f"/{name}")
        setattr(practice, name, value)
    await session.flush()
    await audit.record(session, principal, "practice.updated", resource=("practice", practice.id), changed=changes)
    return await get(session)


async def _locked(session: Session, practice_id: UUID) -> Practice:
    statement = select(Practice).where(Practice.id == practice_id).with_for_update()
    return (await session.execute(statement)).scalar_one()
