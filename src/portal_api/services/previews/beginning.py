"""Beginning to look: a short token that reads, bound to the session of who looks."""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from portal_api.core import clock
from portal_api.core.access import ActorKind, GrantPermission, Principal
from portal_api.core.db import Session
from portal_api.core.errors import invalid
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

    Raises NotFound for a client whom the caller does not see, Invalid for a guardian of somebody else.
    """
    assert principal.account_id and principal.session_id  # noqa: S101 - staff, by the route's permission
    wanted = data or PreviewCreate()
    await reading.must_see(session, principal, client_id)
    client = (await session.scalars(select(Client).where(Client.id == client_id))).one()
    relationship, permissions = await _view(session, client_id, wanted)
    now = await clock.now(session)
    preview = Preview(
        id=new_id(),
        actor_id=principal.account_id,
        session_id=principal.session_id,
        client_id=client_id,
        subject_id=await _subject(session, client_id),
        relationship=relationship,
        permissions=sorted(permissions),
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
        details={"relationship": relationship},
    )
    return _answer(session, preview, client, int(now.timestamp()))


async def _view(session: Session, client_id: UUID, wanted: PreviewCreate) -> tuple[str, set[str]]:
    if wanted.guardian_id is not None:
        statement = select(Guardian).where(
            Guardian.id == wanted.guardian_id, Guardian.client_id == client_id, Guardian.revoked_at.is_(None)
        )
        guardian = (await session.scalars(statement)).one_or_none()
        if guardian is None:
            raise invalid("/guardian_id", "unknown_guardian", "Name a guardian of this client.")
        return guardian.relationship, set(guardian.permissions)
    if wanted.permissions is not None:
        relationship = wanted.relationship or GUARDIAN
        if relationship == SELF:
            raise invalid("/relationship", "not_a_guardian", "Leave out the permissions to look as the client.")
        return relationship, {permission.value for permission in wanted.permissions}
    return SELF, {permission.value for permission in GrantPermission}


async def _subject(session: Session, client_id: UUID) -> UUID:
    own = select(ClientGrant.account_id).where(
        ClientGrant.client_id == client_id, ClientGrant.relationship == SELF, ClientGrant.revoked_at.is_(None)
    )
    return await session.scalar(own) or client_id


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
