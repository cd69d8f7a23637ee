"""What an account sees and changes of itself."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, bindparam, false, func, literal, select
from sqlalchemy.dialects.postgresql import UUID as PGUUID

from portal_api.core import clock
from portal_api.core.access import ActorKind, Feature, Principal, Profile, Role
from portal_api.core.db import Read, Reader, Session, Source
from portal_api.core.errors import FeatureDisabled, NotFound, PreconditionFailed, invalid
from portal_api.models.auth import Account
from portal_api.models.clients import Client
from portal_api.models.staff import StaffMember
from portal_api.schemas.auth import PasswordChange
from portal_api.schemas.base import PageQuery
from portal_api.schemas.me import HomeQuery, MeUpdate
from portal_api.services import audit, features, messages, waiting
from portal_api.services.auth import accounts, passwords, secrets, session_list, sessions, step_up
from portal_api.services.notifications import inbox
from portal_api.services.scheduling import appointments

ASKED_TO_ENROL = {Role.OWNER, Role.ADMIN}

ME = Read(
    select(
        Account.id,
        Account.practice_id,
        Account.kind,
        Account.email,
        Account.email_verified_at.is_not(None).label("email_verified"),
        Account.given_name,
        Account.family_name,
        Account.must_change_password,
        Account.second_factor_at.is_not(None).label("second_factor_enabled"),
        Account.created_at,
        Account.updated_at,
        Account.version,
    ).where(Account.id == bindparam("account_id"))
)

OF_CHART = Read(
    select(
        Client.id,
        Client.practice_id,
        literal(ActorKind.CLIENT.value).label("kind"),
        func.coalesce(Client.email, "").label("email"),
        false().label("email_verified"),
        Client.given_name,
        Client.family_name,
        false().label("must_change_password"),
        false().label("second_factor_enabled"),
        Client.created_at,
        Client.updated_at,
        Client.version,
    ).where(Client.id == bindparam("client_id"))
)
"""Of a client who has no login yet, as a preview shows it."""

_mine = bindparam("mine", type_=ARRAY(PGUUID(as_uuid=True)))
_called = (Client.id.label("client_id"), Client.given_name, Client.family_name, Client.preferred_name)
CALLED = Read(select(*_called).where(Client.id == _mine.any_()))
HOME = Read(
    select(
        func.jsonb_build_object(
            "id",
            Account.id,
            "email",
            Account.email,
            "given_name",
            Account.given_name,
            "family_name",
            Account.family_name,
        ).label("account"),
        *_called,
    )
    .select_from(Account)
    .outerjoin(Client, Client.id == _mine.any_())
    .where(Account.id == bindparam("account_id"))
)


async def get(source: Source, principal: Principal) -> dict[str, Any]:
    """The account, its roles and its profiles."""
    row = await source.row(ME, account_id=principal.account_id)
    if row is None and principal.viewer_id is not None:
        row = await _without_login(source, principal)
    if row is None:
        raise NotFound
    return row | {
        "second_factor": _second_factor(row["second_factor_enabled"], principal),
        "act": {"sub": principal.viewer_id} if principal.viewer_id else None,
        "staff_id": principal.staff_id,
        "roles": _in_order(principal.roles),
        "profiles": [
            {"client_id": p.client_id, "relationship": p.relationship, "permissions": sorted(p.permissions)}
            for p in principal.profiles
        ],
    }


@cache
def _in_order(roles: frozenset[Role]) -> list[Role]:
    return [role for role in Role if role in roles]


async def _without_login(source: Source, principal: Principal) -> dict[str, Any] | None:
    """Who staff look as, where that is somebody without an account. A guardian's is not the client's name to show."""
    (profile,) = principal.profiles
    row = await source.row(OF_CHART, client_id=profile.client_id)
    if row is None:
        return None
    if not profile.is_own:
        row |= {"email": "", "given_name": "Guardian", "family_name": ""}
    return row | {"id": principal.account_id}


async def home(reader: Reader, principal: Principal, query: HomeQuery) -> dict[str, Any]:
    """The first page of a portal (F15.B1). Raises NotFound for a client who is not theirs."""
    profiles = principal.profiles if query.client_id is None else (principal.profile(query.client_id),)
    mine = [each.client_id for each in profiles]
    rows = await reader.rows(HOME, account_id=principal.account_id, mine=mine)
    account = rows[0]["account"] if rows else await _account_of_chart(reader, principal)
    names = {row["client_id"]: row for row in rows or await reader.rows(CALLED, mine=mine)}
    return {
        "account": account,
        "profiles": [_home_profile(each, names[each.client_id]) for each in profiles],
        "next_appointment": await appointments.next_of(reader, profiles),
        "waiting": await waiting.of(reader, principal, profiles),
        "unread": {
            "messages": await _unread_messages(reader, principal),
            "notifications": await inbox.unread(reader, principal),
        },
    }


async def _unread_messages(reader: Reader, principal: Principal) -> int:
    """None where nobody of the caller's may write messages: then they are hidden (F12.M10)."""
    try:
        writing = await features.narrowed(reader, principal, Feature.SECURE_MESSAGING)
    except FeatureDisabled:
        return 0
    return await messages.unread_of(reader, writing)


async def _account_of_chart(reader: Reader, principal: Principal) -> dict[str, Any]:
    account = await get(reader, principal)
    return {name: account[name] for name in ("id", "email", "given_name", "family_name")}


def _home_profile(profile: Profile, row: dict[str, Any]) -> dict[str, Any]:
    called = {name: row[name] for name in ("given_name", "family_name", "preferred_name")}
    return {"client_id": profile.client_id, "relationship": profile.relationship} | called


def _second_factor(enabled: bool, principal: Principal) -> str:
    if enabled:
        return "enabled"
    if principal.must_enrol_second_factor:
        return "required"
    return "recommended" if principal.roles & ASKED_TO_ENROL else "offered"


async def update(session: Session, principal: Principal, data: MeUpdate, if_match: int | None) -> dict[str, Any]:
    """Change one's name. Raises PreconditionFailed when the copy was stale, Invalid for a null."""
    account = await accounts.locked(session, principal.account_id)
    if if_match is not None and account.version != if_match:
        raise PreconditionFailed(current=await get(session, principal))
    changes = data.given()
    for name, value in changes.items():
        if value is None:
            raise invalid(f"/{name}", "null_not_allowed", "This cannot be cleared.")
        setattr(account, name, value)
    await session.flush()
    await _rename_staff(session, principal, changes)
    await audit.record(session, principal, "account.updated", resource=("account", account.id), changed=changes)
    return await get(session, principal)


async def _rename_staff(session: Session, principal: Principal, changes: dict[str, Any]) -> None:
    """A staff member has one name, as account and as colleague."""
    found = await session.execute(select(StaffMember).where(StaffMember.id == principal.staff_id))
    staff = found.scalar_one_or_none()
    if staff is not None:
        for name, value in changes.items():
            setattr(staff, name, value)
        await session.flush()


async def change_password(session: Session, principal: Principal, data: PasswordChange) -> None:
    """Set a password of one's own; every other session ends, and so do mailed links.

    Raises Invalid for a wrong present password, a weak or an unchanged new one; TooMany, Unavailable.
    """
    account = await step_up.prove(session, principal, data.current_password, "/current_password")
    now = await clock.now(session)
    if account.starter_expired(now):
        raise invalid("/current_password", "wrong_password", "This password is no longer valid.")
    if data.new_password == data.current_password:
        raise invalid("/new_password", "password_unchanged", "Choose another password than the present one.")
    context = await accounts.password_context(session, account)
    account.set_password(await passwords.hash_new(session.tools, data.new_password, context, "/new_password"), now)
    await session.flush()
    await secrets.end_open(session, account.id, "password_reset", "email_change")
    await sessions.end_all(session, account.id, "password_changed", but=principal.session_id)
    await audit.record(session, principal, "password.changed", resource=("account", account.id))


async def page_sessions(reader: Reader, principal: Principal, query: PageQuery) -> dict[str, Any]:
    """Where the account is signed in, newest first."""
    return await session_list.page(reader, principal, query, principal.account_id)


async def end_session(session: Session, principal: Principal, session_id: UUID) -> None:
    """Sign one device out. Raises NotFound."""
    await sessions.end(session, principal, principal.account_id, session_id, "ended_by_holder")


async def end_other_sessions(session: Session, principal: Principal) -> None:
    """Sign out everywhere but here."""
    account = await accounts.locked(session, principal.account_id)
    await sessions.end_all(session, account.id, "ended_by_holder", but=principal.session_id)
    await audit.record(session, principal, "sessions.ended", resource=("account", account.id))
