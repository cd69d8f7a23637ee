"""A client and a guardian are two people with two addresses, or they would share one login (A10)."""

from uuid import UUID

from sqlalchemy import or_, select

from portal_api.core.db import Session
from portal_api.core.errors import Conflict
from portal_api.models.auth import Account
from portal_api.models.clients import SELF, Client, ClientGrant
from portal_api.models.guardians import Guardian
from portal_api.models.invitations import Invitation
from portal_api.schemas.base import normal_email


class EmailBelongsToGuardian(Conflict):
    code, title = "email_belongs_to_guardian", "A guardian of this client has this e-mail address"


async def must_not_be_a_guardians(session: Session, client_id: UUID, email: str) -> None:
    """For an address of a client. Raises EmailBelongsToGuardian."""
    same = normal_email(email)
    theirs = (
        select(Guardian.id)
        .outerjoin(Account, Account.id == Guardian.account_id)
        .where(
            Guardian.client_id == client_id,
            Guardian.revoked_at.is_(None),
            or_(Guardian.email_norm == same, Account.email_norm == same),
        )
    )
    if (await session.scalars(theirs.limit(1))).first() is not None:
        raise EmailBelongsToGuardian("Give the client an address of their own, or leave it out.")


async def must_not_be_the_clients(session: Session, client: Client, email: str) -> None:
    """For an address of a guardian: neither the chart's, nor the own login's, nor where it was invited.

    Raises EmailBelongsToGuardian.
    """
    same = normal_email(email)
    logins = (
        select(Account.email_norm)
        .join(ClientGrant, ClientGrant.account_id == Account.id)
        .where(ClientGrant.client_id == client.id, ClientGrant.relationship == SELF, ClientGrant.revoked_at.is_(None))
    )
    invited = select(Invitation.email_norm).where(
        Invitation.client_id == client.id,
        Invitation.guardian_id.is_(None),
        Invitation.accepted_at.is_(None),
        Invitation.revoked_at.is_(None),
    )
    used = {client.email_norm, *await session.scalars(logins), *await session.scalars(invited)}
    if same in used:
        raise EmailBelongsToGuardian(
            "This is the client's own address: change it there first, so that each of them has a login of their own."
        )
