"""Beginning to look: a short token that reads, bound to the session of who looks."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from portal_api.core import clock
from portal_api.core.access import ActorKind, GrantPermission, Principal
from portal_api.core.db import Session
from portal_api.core.errors import InvalidState, invalid
from portal_api.core.ids import new_id
from portal_api.core.signing import Claims
from portal_api.models.clients import SELF, Client, ClientGrant
from portal_api.models.guardians import Guardian
from portal_api.models.previews import LIFETIME, Preview
from portal_api.schemas.previews import PreviewCreate
from portal_api.services import audit
from portal_api.services.clients import reading

GUARDIAN = "guardian"


async def begin(session: Session, principal: Principal, client_id: UUID, data: PreviewCreate | None) -> dict[str, Any]:
    """A token that sees what the client sees, or a guardian with some permissions (F16.M2, F16.B1).

    Raises NotFound for a client whom the caller does not see, InvalidState for one who is archived, Invalid for a
    guardian of somebody else.
    """
    assert principal.account_id and principal.session_id  # noqa: S101 - staff, by the route's permission
    wanted = data or PreviewCreate()
    await reading.must_see(session, principal, client_id)
    client = (await session.scalars(select(Client).where(Client.id == client_id))).one()
    if client.archived_at is not None:
        raise InvalidState("Restore the record first.", state="archived")
    view, preview_id = await _view(session, client_id, wanted), new_id()
    now = await clock.now(session)
    preview = Preview(
        id=preview_id,
        actor_id=principal.account_id,
        session_id=principal.session_id,
        client_id=client_id,
        subject_id=view.account_id or preview_id,  # without a login, nobody's: nothing is theirs
        relationship=view.relationship,
        permissions=sorted(set(view.permissions)),
        reason=wanted.reason,
        expires_at=now + LIFETIME,
    )
    session.add(preview)
    await session.flush()
    await audit.record(
        session,
        principal,
        "preview.begun",
        resource=("preview", preview.id),
        clients=[client_id],
        details={"relationship": view.relationship},
    )
    return _answer(session, preview, client, int(now.timestamp()))


@dataclass(frozen=True, slots=True)
class _View:
    """As whom one looks. `account_id` is None for somebody without a login."""

    relationship: str
    permissions: Collection[str]
    account_id: UUID | None = None


async def _view(session: Session, client_id: UUID, wanted: PreviewCreate) -> _View:
    if wanted.guardian_id is not None:
        return await _as_guardian(session, client_id, wanted.guardian_id)
    if wanted.permissions is not None:
        relationship = wanted.relationship or GUARDIAN
        if relationship == SELF:
            raise invalid("/relationship", "not_a_guardian", "Leave out the permissions to look as the client.")
        return _View(relationship, wanted.permissions)
    own = select(ClientGrant.account_id).where(
        ClientGrant.client_id == client_id, ClientGrant.relationship == SELF, ClientGrant.revoked_at.is_(None)
    )
    return _View(SELF, list(GrantPermission), await session.scalar(own))


async def _as_guardian(session: Session, client_id: UUID, guardian_id: UUID) -> _View:
    """With what staff have given, or what the age rules leave of it once there is a grant."""
    allowed = func.coalesce(ClientGrant.permissions_now(), Guardian.permissions)
    statement = (
        select(Guardian.relationship, allowed, Guardian.account_id)
        .outerjoin(ClientGrant, ClientGrant.id == Guardian.grant_id)
        .where(Guardian.id == guardian_id, Guardian.client_id == client_id, Guardian.revoked_at.is_(None))
    )
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        raise invalid("/guardian_id", "unknown_guardian", "Name a guardian of this client.")
    return _View(*row)


def _answer(session: Session, preview: Preview, client: Client, issued: int) -> dict[str, Any]:
    tools, seconds = session.tools, int(LIFETIME.total_seconds())
    claims = Claims(
        sub=preview.subject_id,
        sid=preview.session_id,
        practice_id=preview.practice_id,
        kind=ActorKind.CLIENT,
        audience="portal-api",
        scope="portal:read",
        issued_at=issued,
        expires_at=issued + seconds,
        jti=str(preview.id),
        act=preview.actor_id,
    )
    called = f"{client.preferred_name or client.given_name} {client.family_name}"
    whose = called if preview.relationship == SELF else f"a guardian ({preview.relationship}) of {called}"
    return {
        "id": preview.id,
        "access_token": tools.keyring.sign(claims, issuer=tools.settings.public_url),
        "token_type": "Bearer",
        "expires_in": seconds,
        "expires_at": preview.expires_at,
        "act": {"sub": preview.actor_id},
        "client_id": preview.client_id,
        "relationship": preview.relationship,
        "permissions": preview.permissions,
        "read_only": True,
        "banner": f"You see the portal as {whose}. Nothing can be changed here.",
    }
