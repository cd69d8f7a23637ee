"""Who looks, as the database knows them at this moment: revoked with the session, the role or the assignment."""

from uuid import UUID

from sqlalchemy import and_, bindparam, exists, func, select

from portal_api.core.access import (
    CLIENT_PERMISSIONS,
    ActorKind,
    Origin,
    Permission,
    Principal,
    Profile,
    Role,
    permissions_of,
)
from portal_api.core.db import Read, Reader
from portal_api.core.errors import Forbidden, Unauthenticated
from portal_api.core.signing import Claims
from portal_api.models.auth import Account, AuthSession
from portal_api.models.clients import Client, ClientAssignment
from portal_api.models.previews import Preview
from portal_api.models.staff import StaffMember
from portal_api.services import audit

_assigned = exists().where(
    ClientAssignment.client_id == Preview.client_id, ClientAssignment.practitioner_id == StaffMember.id
)
LOOKING = Read(
    select(
        Preview.client_id,
        Preview.subject_id,
        Preview.relationship,
        Preview.permissions,
        AuthSession.authenticated_at,
        StaffMember.id.label("staff_id"),
        StaffMember.roles,
        _assigned.label("is_assigned"),
    )
    .select_from(Preview)
    .join(AuthSession, AuthSession.id == Preview.session_id)
    .join(Account, Account.id == Preview.actor_id)
    .join(StaffMember, and_(StaffMember.account_id == Account.id, StaffMember.state == "active"))
    .join(Client, Client.id == Preview.client_id)
    .where(
        Preview.id == bindparam("preview_id"),
        Preview.session_id == bindparam("sid"),
        Preview.actor_id == bindparam("actor_id"),
        Preview.expires_at > func.now(),
        AuthSession.ended_at.is_(None),
        AuthSession.expires_at > func.now(),
        Account.suspended_at.is_(None),
        Client.archived_at.is_(None),
    )
)


class PreviewEnded(Unauthenticated):
    code, title = "preview_ended", "This look at the portal has ended"


class PreviewReadsOnly(Forbidden):
    code, title = "preview_reads_only", "Who looks through a client's eyes changes nothing"


async def principal(reader: Reader, claims: Claims, origin: Origin) -> Principal:
    """The client that staff look as, and who looks. Raises PreviewEnded.

    Only a Reader is let in, so a preview never changes anything; and each read is recorded.
    """
    try:
        preview_id = UUID(claims.jti)
    except ValueError:
        raise PreviewEnded("Begin anew.") from None
    row = await reader.row(LOOKING, preview_id=preview_id, sid=claims.sid, actor_id=claims.act)
    if row is None:
        raise PreviewEnded("Begin anew.")
    roles = frozenset(map(Role, row["roles"]))
    held = permissions_of(roles)
    if Permission.CLIENTS_VIEW_AS not in held or not (Permission.CLIENTS_READ_ALL in held or row["is_assigned"]):
        raise PreviewEnded("You no longer work with this client.")
    client_id = UUID(str(row["client_id"]))
    looking = Principal(
        practice_id=claims.practice_id,
        kind=ActorKind.CLIENT,
        origin=origin,
        account_id=UUID(str(row["subject_id"])),
        session_id=claims.sid,
        permissions=CLIENT_PERMISSIONS,
        profiles=(Profile(client_id, row["relationship"], frozenset(row["permissions"])),),
        viewer_id=claims.act,
        viewer_roles=roles,
        authenticated_at=row["authenticated_at"],
    )
    audit.viewed(reader, looking, "preview.read", [client_id])
    return looking
