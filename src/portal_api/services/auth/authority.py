"""Who is calling, as the database knows it at this moment: one indexed read per request."""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, and_, bindparam, exists, func, select

from portal_api.core.access import (
    CLIENT_PERMISSIONS,
    NOWHERE,
    ActorKind,
    GrantPermission,
    Origin,
    Principal,
    Profile,
    Role,
    permissions_of,
)
from portal_api.core.db import Binding, Read, Row, Source
from portal_api.core.db.base import UUIDS
from portal_api.core.errors import Forbidden, Unauthenticated
from portal_api.models.auth import Account, AuthSession
from portal_api.models.clients import SELF, Client, ClientGrant
from portal_api.models.portal import PortalSettings
from portal_api.models.prospects import Prospect
from portal_api.models.staff import StaffMember

RECENT = timedelta(minutes=15)
HIDDEN_PORTAL_STATES = ("suspended", "revoked")


class SessionEnded(Unauthenticated):
    code, title = "session_ended", "This session has ended; sign in again"


class PortalDisabled(Forbidden):
    code, title = "portal_disabled", "The portal is switched off"


class NoPortalAccess(Forbidden):
    code, title = "no_portal_access", "Your access to this portal is suspended or has ended"


_live = (
    ClientGrant.is_live(),
    Client.archived_at.is_(None),
    Client.portal_state.not_in(HIDDEN_PORTAL_STATES),
)


def live_grants(account_id: Any) -> ScalarSelect[Any]:
    """What the account of the outer query may do for whom at this moment: a JSON list for `profile_of`."""
    return (
        select(
            func.jsonb_agg(
                func.jsonb_build_object(
                    "client_id",
                    ClientGrant.client_id,
                    "relationship",
                    ClientGrant.relationship,
                    "permissions",
                    ClientGrant.permissions_now(),
                )
            )
        )
        .select_from(ClientGrant)
        .join(Client, Client.id == ClientGrant.client_id)
        .where(ClientGrant.account_id == account_id, *_live)
        .correlate_except(ClientGrant, Client)
        .scalar_subquery()
    )


def may_act(account_id: Any, client_id: Any, permission: GrantPermission) -> ColumnElement[bool]:
    """Whether the account of the outer query may do this for the client of it at this moment."""
    return (
        select(ClientGrant.id)
        .join(Client, Client.id == ClientGrant.client_id)
        .where(
            ClientGrant.account_id == account_id,
            ClientGrant.client_id == client_id,
            ClientGrant.allows(permission),
            *_live,
        )
        .correlate_except(ClientGrant, Client)
        .exists()
    )


_callers = (
    select(
        AuthSession.authenticated_at,
        (AuthSession.authenticated_at > func.now() - RECENT).label("recently_authenticated"),
        AuthSession.methods,
        Account.kind,
        Account.must_change_password,
        Account.second_factor_at,
        StaffMember.id.label("staff_id"),
        StaffMember.roles,
        PortalSettings.enabled.label("portal_enabled"),
        PortalSettings.second_factor,
    )
    .select_from(AuthSession)
    .join(Account, Account.id == AuthSession.account_id)
    .join(PortalSettings, PortalSettings.practice_id == AuthSession.practice_id)
    .outerjoin(StaffMember, and_(StaffMember.account_id == Account.id, StaffMember.state == "active"))
    .where(
        AuthSession.ended_at.is_(None),
        AuthSession.expires_at > func.now(),
        AuthSession.idle_expires_at > func.now(),
        Account.suspended_at.is_(None),
    )
)
_grants = live_grants(AuthSession.account_id).label("grants")
_caller = _callers.where(AuthSession.id == bindparam("sid"), AuthSession.account_id == bindparam("sub"))
STAFF_AUTHORITY = Read(_caller)
CLIENT_AUTHORITY = Read(_caller.add_columns(_grants))


async def principal(source: Source, practice_id: UUID, account_id: UUID, session_id: UUID, origin: Origin) -> Principal:
    """The caller behind a verified access token. Raises SessionEnded or PortalDisabled.

    Nothing in the token is authority: roles, grants and the portal's switch are read anew each time.
    """
    of_staff = source.binding.kind is ActorKind.STAFF
    row = await source.row(STAFF_AUTHORITY if of_staff else CLIENT_AUTHORITY, sid=session_id, sub=account_id)
    if row is None:
        raise SessionEnded("Sign in again.")
    known = _principal(row, practice_id, account_id, session_id, origin)
    if known.is_client and not known.profiles and await source.row(SHUT_OUT, account_id=account_id) is not None:
        return replace(known, shut_out=True)
    return known


async def principals(source: Source, kind: ActorKind, session_ids: Collection[UUID]) -> dict[UUID, Principal]:
    """Those of the sessions of a kind of account that still let somebody in, by the session, in one statement.

    Who must first change the password or set up a second factor, and who has lost access, is not among them.
    """
    read = _STAFF_AUTHORITIES if kind is ActorKind.STAFF else _CLIENT_AUTHORITIES
    found: dict[UUID, Principal] = {}
    for row in await source.rows(read, sids=list(session_ids)):
        session_id, practice_id = UUID(str(row["session_id"])), source.binding.practice_id
        try:
            known = _principal(row, practice_id, UUID(str(row["account_id"])), session_id, NOWHERE)
        except (SessionEnded, PortalDisabled):
            continue
        if not (known.must_change_password or known.must_enrol_second_factor or row.get("shut_out")):
            found[session_id] = known
    return found


def _principal(row: Row, practice_id: UUID, account_id: UUID, session_id: UUID, origin: Origin) -> Principal:
    kind = ActorKind(row["kind"])
    if kind is ActorKind.CLIENT and not row["portal_enabled"]:
        raise PortalDisabled("The practice has switched its portal off.")
    if kind is ActorKind.STAFF and row["staff_id"] is None:
        raise SessionEnded("You no longer work in this practice.")
    roles = _roles(tuple(row["roles"] or ()))
    profiles = tuple(profile_of(grant) for grant in row.get("grants") or ())
    return Principal(
        practice_id=practice_id,
        kind=kind,
        origin=origin,
        account_id=account_id,
        session_id=session_id,
        staff_id=row["staff_id"],
        roles=roles,
        permissions=CLIENT_PERMISSIONS if kind is ActorKind.CLIENT else permissions_of(roles),
        profiles=profiles,
        must_change_password=row["must_change_password"],
        must_enrol_second_factor=_must_enrol(row, kind),
        authenticated_at=row["authenticated_at"],
        recently_authenticated=row["recently_authenticated"],
    )


def shut_out(account_id: Any) -> ColumnElement[bool]:
    """Whether a client's account once acted for somebody and now acts for nobody.

    Who signed up and waits to be taken in has a way in, though not to any chart.
    """
    ever = exists().where(ClientGrant.account_id == account_id)
    waiting = exists().where(Prospect.account_id == account_id, Prospect.outcome == "open")
    grant = select(ClientGrant.id).join(Client, Client.id == ClientGrant.client_id)
    return ever & ~waiting & ~grant.where(ClientGrant.account_id == account_id, *_live).exists()


SHUT_OUT = Read(select(Account.id).where(Account.id == bindparam("account_id"), shut_out(Account.id)))
_some = _callers.add_columns(AuthSession.id.label("session_id"), AuthSession.account_id)
_some = _some.where(AuthSession.id == bindparam("sids", type_=UUIDS).any_())
_STAFF_AUTHORITIES = Read(_some.where(Account.kind == ActorKind.STAFF))
_CLIENT_AUTHORITIES = Read(
    _some.where(Account.kind == ActorKind.CLIENT).add_columns(_grants, shut_out(Account.id).label("shut_out"))
)


def binding_of(principal: Principal) -> Binding:
    """What the rest of the transaction is bound to, once the caller is known."""
    return Binding(principal.practice_id, principal.kind, principal.client_ids, principal.own_client_ids)


@cache
def _roles(names: tuple[str, ...]) -> frozenset[Role]:
    return frozenset(map(Role, names))


def profile_of(grant: dict[str, Any]) -> Profile:
    """One of `live_grants`. The client's own login holds every permission (F6.M1)."""
    own = grant["relationship"] == SELF
    held = frozenset(GrantPermission) if own else frozenset(grant["permissions"])
    return Profile(UUID(grant["client_id"]), grant["relationship"], held)


def _must_enrol(row: dict[str, Any], kind: ActorKind) -> bool:
    policy: str = row["second_factor"]
    wanted = policy == "everyone" or (policy == "staff" and kind is ActorKind.STAFF)
    return wanted and row["second_factor_at"] is None
