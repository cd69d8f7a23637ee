"""A login that staff hand out in person: a starter password, never mailed, to be changed at once (F3.M5)."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.core.errors import Forbidden
from portal_api.core.passwords import generate
from portal_api.models.auth import Account
from portal_api.models.clients import Client
from portal_api.schemas.base import normal_email
from portal_api.schemas.clients import CredentialsSet
from portal_api.services import audit, onboarding
from portal_api.services.auth import passwords, sessions
from portal_api.services.clients import guardian_emails, logins, portal_access, reading

LIFETIME = timedelta(hours=72)


class StaffCredentialsDisabled(Forbidden):
    code, title = "staff_credentials_disabled", "The practice does not let staff set passwords"


async def put(session: Session, principal: Principal, client_id: UUID, data: CredentialsSet) -> dict[str, Any]:
    """Make the client's own login, or hand out a new starter password while the last one was not changed.

    The address stays unproved (A06). Raises NotFound, InvalidState, PortalNotEnabled, StaffCredentialsDisabled,
    AlreadyLinked, EmailInUse, EmailBelongsToGuardian, Invalid for a weak password.
    """
    client = await reading.locked(session, principal, client_id)
    settings, own = await logins.prepare(session, client)
    if not settings.allow_staff_set_credentials:
        raise StaffCredentialsDisabled("Invite the client instead, or allow it in the portal's settings.")
    if own is not None and not own.must_change_password:
        raise logins.AlreadyLinked("The client has chosen a password already.")
    starter = data.starter_password or generate()
    context = (client.given_name, client.family_name, data.email)
    password_hash = await passwords.hash_new(session.tools, starter, context, "/starter_password")
    account = await _account(session, client, own, data.email)
    now = await clock.now(session)
    account.set_starter_password(password_hash, now, now + LIFETIME)
    await sessions.end_all(session, account.id, "starter_password")
    await portal_access.end_invitations(session, client, by=principal.account_id)
    if own is None:
        await logins.grant_self(session, client, account, "credentials", principal.account_id)
    await session.flush()
    await onboarding.begin(session, principal, client.id, "credentials")
    await audit.record(
        session, principal, "credentials.set", resource=("account", account.id), clients=[client.id],
        details={"generated": data.generate, "renewed": own is not None},
    )  # fmt: skip
    return {
        "email": account.email,
        "starter_password": starter if data.generate else None,
        "expires_at": account.starter_expires_at,
    }


async def _account(session: Session, client: Client, own: Account | None, email: str) -> Account:
    """The login to set. An address that is someone else's is never taken over."""
    holder = await logins.find_by_email(session, email)
    if holder is not None and (own is None or holder.id != own.id):
        raise logins.EmailInUse("Invite the person to this address instead: they can prove that it is theirs.")
    if own is None:
        return await logins.add_account(session, client, email)
    await guardian_emails.must_not_be_a_guardians(session, client.id, email)
    own.email, own.email_norm = email, normal_email(email)
    return own
